"""Passes for training."""
