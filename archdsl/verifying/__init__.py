"""Proof that all products of an architecture compute the same, on random weights and at several sizes."""
