"""Analyses: graph to table."""
