"""The control API: drives the stand-in itself, under its own contract (`/_mock/v1`)."""
