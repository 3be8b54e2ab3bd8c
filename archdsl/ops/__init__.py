"""The vocabulary: one class an operator, which knows all that is to be known about it."""
