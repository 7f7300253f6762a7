"""Measures the suite: a sound server, spoiled in one named way at a time."""
