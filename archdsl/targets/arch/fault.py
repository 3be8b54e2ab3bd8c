"""What the language cannot say: a graph that has no text."""

from __future__ import annotations


class Unsayable(ValueError):
    """The graph has something that no text of the language makes; the message tells what."""
