"""Renderers: problems as words, one file a format."""
