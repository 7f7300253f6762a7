"""Faults on demand: overrides of one request, and standing rules for many."""
