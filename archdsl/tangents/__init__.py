"""Tangents: a graph rewritten to give the derivative along a direction beside its results."""
