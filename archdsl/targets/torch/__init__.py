"""PyTorch: a graph as a source file that a good engineer could have written, and that file executed."""
