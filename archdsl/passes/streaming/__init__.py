"""Streaming: the module of one step of a recurrent model, for generation."""
