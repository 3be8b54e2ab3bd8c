"""Syntax tree to typed graph: names, configuration, blocks, shapes."""
