"""Dimensions: a normal form, facts, shapes and dtypes."""
