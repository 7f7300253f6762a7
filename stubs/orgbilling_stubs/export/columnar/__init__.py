"""The tables of an export, computed a column at a time with numpy: usage, ledger, and tables."""
