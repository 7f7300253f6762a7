"""Verification of an export: its files against the manifest, and the invariants as SQL."""
