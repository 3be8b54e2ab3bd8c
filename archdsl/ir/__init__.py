"""The typed graph: values, nodes, graphs, and what builds, checks, edits and prints them."""
