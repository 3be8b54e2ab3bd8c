"""A typed graph as `.arch` text: what `print_arch` writes parses, and elaborates to an equal graph."""
