"""Functions that make tensors: constants, ranges, masks, positions."""
