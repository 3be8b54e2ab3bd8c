"""Weights between layouts: maps from another library's names and shapes to a spec's, forwards and backwards."""
