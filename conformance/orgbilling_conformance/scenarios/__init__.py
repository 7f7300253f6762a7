"""Scripted requests: what single exchanges cannot show."""
