"""Layers that draw in training and do nothing in evaluation."""
