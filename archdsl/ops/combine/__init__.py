"""Tensors put together and taken apart: concat, stack, split, chunk, pad, roll, flip, tile."""
