"""What holds in every valid graph: one named function an invariant, gathered by theme."""
