"""Writers: one module for each output format."""
