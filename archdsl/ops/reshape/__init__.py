"""Axes moved, split, merged and reduced: einops patterns, reshape, permute and their relatives."""
