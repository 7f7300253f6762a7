"""The tables of a population: every organization's life, drawn forward in time."""
