"""Plots and the HTML report of an export."""
