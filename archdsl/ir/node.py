"""A node calls an operator, a member or a scan; it has operands and typed results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.dims.dim import Size
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.records import record
from archdsl.source import Span

if TYPE_CHECKING:
    from archdsl.ir.graph import Graph

Path = tuple[str, ...]
"""A label path: `("transformer", "h", "0")`."""


HOW = ("autocast bf16", "autocast f16", "checkpoint")
"""`checkpoint`: what a block computes on the way is not kept for the backward pass, which computes it again. `autocast`: in
training it computes in mixed precision."""


@record
class Scan:
    """What a scan node does: its body is a graph whose inputs are, in order, the slices, the carries, and the captured values.

    The body's outputs are, in order, the next carries, the yields, and with `until` last a bool scalar. The node's operands are
    the
    scanned tensors, the first carries, the captured values; its results the yields, then the finals (`finals` are carry indices).
    The body calls members of the graph it stands in.
    """

    body: Graph
    axes: tuple[int, ...]
    """The scanned axis of each scanned input."""
    length: Size
    carries: int
    yields: int
    yield_axes: tuple[int, ...]
    finals: tuple[int, ...]
    reverse: bool = False
    until: bool = False


@record
class Choice:
    """The one run-time choice: `if training { … } else { … }`. Both graphs have the node's operands as inputs, the same output
    types."""

    training: Graph
    evaluation: Graph


@record
class Node:
    """One step.

    Exactly one of `op`, `member`, `scan`, `choice` says what is called: an operator without state, a member of the graph by its
    path
    (a layer, or a block), a layer that was handed in (`member` is then `("", name)` with name in the graph's `borrowed`), a scan,
    a choice. `path` is where it stands in the label hierarchy, its own number included: the `relu` that is step 2 of `conv1: {
    … }`
    has path ("conv1", "2"); a node without a number has the path of its container.
    """

    silent = ("span",)

    operands: tuple[Operand, ...]
    results: tuple[Value, ...]
    op: Op | None = None
    member: Path | None = None
    scan: Scan | None = None
    choice: Choice | None = None
    leaf: str = ""
    """With `member` and no operands: the node reads the tensor of that name of the member (`wte.weight` in an expression)."""
    graph: Graph | None = None
    """Where a shared block is applied to inputs of other types than `Call.graph` has: the specialisation of this call."""
    lent: tuple[tuple[str, Path], ...] = ()
    """For a block with `borrowed` layers: for each its name there and the path of the member here that is handed in."""
    path: Path = ()
    span: Span | None = None
    how: tuple[str, ...] = ()
    """How the step is run in training, of `HOW`, sorted."""

    @property
    def bodies(self) -> tuple[Graph, ...]:
        """The graphs in it, which call the members of the graph around."""
        if self.scan is not None:
            return (self.scan.body,)
        return (self.choice.training, self.choice.evaluation) if self.choice is not None else ()
