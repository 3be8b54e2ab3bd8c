"""Layers and functions that are matrix products with weights: linear and bilinear maps."""
