"""The console at /_mock/: pages that show and drive the stub, over the operations of the control API."""
