"""The pytest plugin: one test per rule and operation."""
