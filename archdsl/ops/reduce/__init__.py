"""Functions that combine the elements of an axis: sums, extremes, norms, softmax, running sums."""
