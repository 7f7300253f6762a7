"""Demo data in files: the history behind the personas, as tables that add up."""
