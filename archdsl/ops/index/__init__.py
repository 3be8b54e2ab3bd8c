"""Positions chosen: slicing, gather, scatter, sort, topk and segments."""
