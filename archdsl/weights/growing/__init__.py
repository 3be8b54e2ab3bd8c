"""Net2Net: the weights of a network in a wider and deeper one that computes the same, or the reason why that cannot be."""
