"""The thirteen handlers."""
