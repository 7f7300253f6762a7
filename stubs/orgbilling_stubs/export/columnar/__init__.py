"""The columnar export engine: the rows of the domain, computed a column at a time with numpy."""
