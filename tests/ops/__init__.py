"""The shared battery over all operators."""
