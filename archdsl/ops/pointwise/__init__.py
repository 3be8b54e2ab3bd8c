"""Functions of one element at a time: arithmetic, comparison, logic, activations, elementary functions."""
