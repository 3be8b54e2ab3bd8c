"""The problems that elaboration finds, one class each; the docstring is its page."""
