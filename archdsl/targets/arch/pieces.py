"""What a body is made of before it has words: steps with the steps that stand inside them, skips, groups, statements."""

from __future__ import annotations

from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Value
from archdsl.records import fresh, mutable


@mutable
class Step:
    """One node; an operand that is a piece is written inside it, or flows into it."""

    node: Node
    operands: tuple[Value | Number | None | Piece, ...]


@mutable
class Skip:
    """`skip { body } via side`, whose sum is the node."""

    node: Node
    start: Value | Piece
    body: Body
    side: Body | None = None
    side_label: Path = ()


@mutable
class Group:
    """`label: { body }`."""

    label: Path
    start: Value | Piece | None
    body: Body


Piece = Step | Skip | Group


@mutable
class Statement:
    """A line, whose result flows on, or an assignment of its results' names."""

    piece: Piece
    line: bool = False
    kept: bool = False
    """The author named it, and the name stays."""


@mutable
class Body:
    """What stands in braces. `flow` is what flows in, `results` what it gives."""

    flow: Value | None
    results: tuple[Value, ...]
    statements: list[Statement] = fresh(default_factory=list)


def results_of(piece: Piece) -> tuple[Value, ...]:
    """The values that a piece makes."""
    return piece.body.results if isinstance(piece, Group) else piece.node.results


def operands_of(piece: Piece) -> tuple[Value | Number | None | Piece, ...]:
    """What flows into a piece, or stands in it."""
    return piece.operands if isinstance(piece, Step) else (piece.start,)


def has_construct(piece: Piece) -> bool:
    """Whether a construct in braces is in it, which stands in no expression."""
    if not isinstance(piece, Step) or piece.node.scan is not None or piece.node.choice is not None:
        return True
    return any(isinstance(one, Step | Skip | Group) and has_construct(one) for one in piece.operands)


def is_pure(piece: Piece) -> bool:
    """Whether it is functions and operators alone."""
    if not isinstance(piece, Step) or piece.node.op is None:
        return False
    return all(is_pure(one) for one in piece.operands if isinstance(one, Step | Skip | Group))


def weight(piece: Piece) -> int:
    """How many steps stand in it."""
    return 1 + sum(weight(one) for one in operands_of(piece) if isinstance(one, Step | Skip | Group))
