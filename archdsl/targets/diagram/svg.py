"""Graphviz's SVG made fit for a page: no document type, nothing of the machine."""

from __future__ import annotations

import re

_HEAD = re.compile(r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<!--.*?-->\s*", re.DOTALL)


def tidy(made: bytes) -> str:
    """The SVG without comments, processing instructions and the outside document type."""
    return _HEAD.sub("", made.decode("utf-8")).strip() + "\n"
