"""The control API: drives the stub itself, by its own API description, at `/_mock/v1`."""
