"""The standard library against torch modules written by hand, and torch's own."""
