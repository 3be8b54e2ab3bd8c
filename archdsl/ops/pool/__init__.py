"""Pooling over windows, to given sizes, and over all positions."""
