"""The palette: light fills that differ in lightness, so that grey prints stay readable; text is dark."""

from __future__ import annotations

TEXT = "#1c232b"
QUIET = "#5c6773"
"""Types on edges, counts."""
LINE = "#59636e"
PAPER = "#ffffff"
MARK = "#c2410c"
"""The outline of what another picture does not have."""

FILLS = {
    "conv": "#cfe1f5",
    "dense": "#d7ead3",
    "attention": "#e4daf1",
    "recurrent": "#f6d9e1",
    "norm": "#faf0cf",
    "activation": "#fbe3d2",
    "pool": "#dfe4ea",
    "embed": "#d3ecec",
    "plain": "#f4f5f7",
    "block": "#ffffff",
}

FRAMES = {"block": "#f7f9fb", "container": "#fcfcfd", "repeat": "#fdfbf4", "scan": "#f8f5fc"}
FRAME_LINES = {"block": "#9aa5b1", "container": "#c3cad2", "repeat": "#c9b877", "scan": "#a493c2"}
