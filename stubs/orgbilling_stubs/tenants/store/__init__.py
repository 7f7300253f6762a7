"""Append-only logs of events."""
