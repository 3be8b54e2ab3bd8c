"""Passes: graph to graph, one a file."""
