"""Passes that make a trained model ready to run: fused, folded, without what only training needs."""
