"""Measures the judge: a sound server, spoiled in one named way at a time."""
