"""Measures the suite: a sound server with one named defect at a time."""
