"""Passes for training: what is kept for the backward pass, in which precision it runs, and where gradients stop."""
