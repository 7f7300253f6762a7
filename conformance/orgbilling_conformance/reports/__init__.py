"""Reports: one finding, many readers."""
