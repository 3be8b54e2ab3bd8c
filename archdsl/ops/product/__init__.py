"""Products of tensors: matmul, einsum, outer, and distances."""
