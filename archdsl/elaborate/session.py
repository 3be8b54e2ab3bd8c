"""What one run of the elaborator shares: the problems, the memo of blocks, the limits, the chain of calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from archdsl.dims.facts import Facts
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.ir.graph import Initializer
from archdsl.ops.contract import Context
from archdsl.problems.collector import Problems
from archdsl.problems.problem import Frame, Label, Problem
from archdsl.records import changed, fresh, mutable, record
from archdsl.source import Source, Span

MAX_NODES = 100_000
MAX_STEPS = 100_000
MAX_DEPTH = 60


@record
class Settings:
    """The `init`s and `default`s in force, the nearest last."""

    inits: tuple[tuple[str, str, Initializer], ...] = ()
    defaults: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()

    def init(self, layer: str, leaf: str) -> Initializer | None:
        """The nearest initializer for a tensor of a layer."""
        for name, tensor, value in reversed(self.inits):
            if name == layer and tensor == leaf:
                return value
        return None

    def default(self, layer: str) -> dict[str, Any]:
        """The arguments that `default` gives a layer; the nearest says last."""
        found: dict[str, Any] = {}
        for name, values in self.defaults:
            if name == layer:
                found.update(values)
        return found


@mutable
class Session:
    """One run."""

    problems: Problems
    float: str = "f32"
    free: frozenset[str] = frozenset()
    """Configuration that stays symbolic, so that the generated constructor takes it."""
    open_sizes: bool = False
    """Set while a block that nothing calls is checked: the sizes of its parameters may be symbolic."""
    steps: int = 0
    chain: list[Frame] = fresh(default_factory=list)
    active: list[Any] = fresh(default_factory=list)
    """The blocks and functions being elaborated, to find recursion."""
    memo: dict[object, tuple[Any, bool]] = fresh(default_factory=dict)
    tangents: Any = None
    """What rewrites graphs for `jvp`, once there is one."""
    """The blocks elaborated so far (None for one that is not finished, or could not be), and whether each has no problem."""
    families: dict[object, Any] = fresh(default_factory=dict)
    """Blocks that differ in numbers which they only hand on (`twins.Family`)."""
    faulty: int = 0
    """How often a block with a problem was called again."""
    unknown: set[object] = fresh(default_factory=set)
    """Modules and names of top-level values that could not be made out."""
    expectations: dict[int, Any] = fresh(default_factory=dict)
    heads: dict[int, Any] = fresh(default_factory=dict)
    calls: dict[Span, Any] = fresh(default_factory=dict)
    """The calls as written, by their place."""
    _context: Context | None = None
    edited: list[tuple[Span, str]] = fresh(default_factory=list)
    """The steps in whose place another tree is being elaborated, and what was done to them."""
    homes: dict[Source, Any] = fresh(default_factory=dict)
    """The modules in which the names of edits are looked up, by the source of the edit."""
    met: dict[object, Any] = fresh(default_factory=dict)
    """What was written down in elaborating a block, by its key in the memo."""
    multiplier: int = 1
    """How many times what is elaborated now will be repeated, counted before it is."""

    def note(self, fault: Fault) -> None:
        """Record the problem of a fault, with the chain of block calls that led there."""
        problem = self.placed(fault.problem)
        if not problem.chain and self.chain:
            problem = changed(problem, chain=tuple(reversed(self.chain)))
        self.problems.add(problem)

    def placed(self, problem: Problem) -> Problem:
        """The problem, and where the step stands that was edited, if it is one of what stands there now."""
        if not self.edited:
            return problem
        span, word = self.edited[-1]
        told = [one.text for one in problem.others if one.span == span]
        if any(word in text for text in told):
            return problem
        here = Label(span, "; ".join([*told, f"{word} here"]))
        return changed(problem, others=(*(one for one in problem.others if one.span != span), here))

    @property
    def mode(self) -> object:
        """What a block is elaborated by, beside its own configuration, inputs and settings."""
        return self.float, self.free, self.open_sizes

    @property
    def troubles(self) -> int:
        """A count that stays while what is elaborated has no problem."""
        return self.problems.noted + self.faulty

    def context(self, facts: Facts) -> Context:
        """What a shape rule may know."""
        if self._context is None or self._context.facts is not facts:
            self._context = Context(facts, self.float)
        return self._context

    def step(self, span: Span, taken: int = 1) -> None:
        """Count steps of configuration."""
        left = MAX_STEPS - self.steps
        self.steps += taken
        if self.steps > MAX_STEPS:
            if left >= 0:
                self.steps = MAX_STEPS + 1
            self.too_many(span)

    def too_many(self, span: Span) -> None:
        """Raise: the steps are used up."""
        if self.steps == MAX_STEPS + 1:
            raise Fault(problems.TooManySteps(at=span, what=f"the configuration takes more than {MAX_STEPS:,} steps"))
        raise Absorbed  # it was said once

    def too_deep(self, span: Span) -> None:
        """Record that what stands here is nested deeper than can be elaborated: Python's own stack has ended."""
        self.note(Fault(problems.TooManyNodes(at=span, what="blocks and constants are nested too deep here")))

    def refuse_recursion(self, name: str, item: Any, span: Span) -> None:
        """Raise where a block or function is called inside itself."""
        for one in self.active:
            if one is item:
                break
        else:
            return
        at = next(index for index, one in enumerate(self.active) if one is item)
        names = " -> ".join(one.name for one in [*self.active[at:], item])
        kind = problems.RecursiveFunction if type(item).__name__ == "Fn" else problems.RecursiveBlock
        raise Fault(
            kind(
                at=span,
                what=f"`{name}` contains itself: {names}",
                help="a block is expanded where it stands, so it must come to an end; `repeat` and `scan` repeat",
            )
        )

    @contextmanager
    def inside(self, name: str, item: Any, span: Span) -> Iterator[None]:
        """Elaborate a called block or function: notes the call in the chain, refuses recursion."""
        self.refuse_recursion(name, item, span)
        if len(self.active) > MAX_DEPTH:
            raise Fault(problems.TooManyNodes(at=span, what=f"blocks are called more than {MAX_DEPTH} deep"))
        self.chain.append(Frame(name, span))
        self.active.append(item)
        try:
            yield
        finally:
            self.chain.pop()
            self.active.pop()
