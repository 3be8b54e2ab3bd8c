"""Specialisations of one block for different given inputs as one graph, which decides at run time."""
