"""What a picture shows, before any format: boxes with rows, nested frames, edges."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Row:
    """A line of a box: the label, the operator with its arguments, how many parameters; `family` gives the colour."""

    label: str
    word: str
    note: str = ""
    family: str = ""
    marked: bool = False
    """Set where two pictures are compared, and the other one has no such row."""


@dataclass
class Box:
    """A node. `kind` is `layer`, `block` (a folded one), `join` (a sign in a circle), `input`, `output`,
    `constant` or `carry`."""

    id: str
    kind: str
    rows: list[Row]
    frame: str = ""
    count: int = 1
    training: bool = False
    sources: list[str] = field(default_factory=list)
    """What flows in from boxes that feed so many that their edges are not drawn."""


@dataclass
class Frame:
    """A cluster. `parent` is the frame around, empty for none; `kind` is `block`, `container`, `repeat` or `scan`."""

    id: str
    kind: str
    title: str
    note: str
    parent: str
    level: int


@dataclass
class Edge:
    """From one box to another with the types that flow; `back` is a carry's way to the next step."""

    source: str
    target: str
    texts: list[str] = field(default_factory=list)
    back: bool = False


@dataclass(frozen=True)
class Closed:
    """A box that stands for a block or container that could be opened: its dotted path, its block's name."""

    path: str
    name: str


@dataclass
class Picture:
    """All of it, in the order of the program."""

    title: str
    note: str
    boxes: list[Box] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
