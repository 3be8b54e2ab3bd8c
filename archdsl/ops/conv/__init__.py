"""Convolutions and transposed convolutions, as layers and as functions of their weights."""
