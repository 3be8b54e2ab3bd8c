"""A graph under construction: its nodes by region, its members by label, its numbers, and what it needs from its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.elaborate.fault import Fault
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.reserved import hides_method
from archdsl.elaborate.values import Instance, Leaf
from archdsl.ir.graph import Call, Graph, Layer, Member
from archdsl.ir.node import Choice, Node, Path, Scan
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.problems.problem import Label
from archdsl.records import changed, record
from archdsl.source import Span

if TYPE_CHECKING:
    from archdsl.elaborate.session import Session


@record
class Raised:
    """A `require` that could not be decided: it is the caller's, up to the door."""

    left: Size
    op: str
    right: Size
    message: str
    span: Span


@record
class OpenTie:
    """The tensor at `path` is a tensor of something outside: a leaf of an instance, or the input of that index."""

    path: Path
    target: Leaf | int
    span: Span


class Region:
    """A list of nodes with the values they may use: a unit's own, or the body of a scan or choice, which captures what is
    outside."""

    def __init__(self, unit: Unit, outer: Region | None = None) -> None:
        self.unit = unit
        self.outer = outer
        self.nodes: list[Node] = []
        self.captured: dict[str, tuple[Value, Value]] = {}
        """By the name of the value in the region around: that value, and its name here."""

    def local(self, value: Value) -> Value:
        """The value as it is known here; captures it if it is from outside."""
        if self.unit.home.get(value.name) is self or self.outer is None:
            return value
        outer = self.outer.local(value)
        found = self.captured.get(outer.name)
        if found is None:
            inner = self.unit.value(value.type, self)
            self.unit.hint(inner, self.unit.hints.get(value.name, ""))
            found = self.captured[outer.name] = (outer, inner)
        return found[1]

    def emit(
        self,
        operands: tuple[Operand, ...],
        types: tuple[TensorType, ...],
        span: Span,
        *,
        op: Op | None = None,
        member: Path | None = None,
        scan: Scan | None = None,
        choice: Choice | None = None,
        leaf: str = "",
        graph: Graph | None = None,
        lent: tuple[tuple[str, Path], ...] = (),
        path: Path = (),
    ) -> tuple[Value, ...]:
        """Add a node; its results."""
        unit = self.unit
        unit.touched.update([one.name for one in operands if isinstance(one, Value)])
        local = operands
        if self.outer is not None:
            local = tuple([self.local(one) if isinstance(one, Value) else one for one in operands])
        results = tuple([unit.value(one, self) for one in types])
        self.nodes.append(Node(local, results, op, member, scan, choice, leaf, graph, lent, path, span))
        for one in results:
            unit.made[one.name] = span
        return results


class Unit:
    """One block, arch or constant being elaborated."""

    def __init__(self, session: Session, name: str, kind: str, facts: Facts, span: Span | None) -> None:
        self.session = session
        self.name = name
        self.kind = kind
        self.facts = facts
        self.span = span
        self.root = Region(self)
        self.home: dict[str, Region] = {}
        self.hints: dict[str, str] = {}
        self.made: dict[str, Span] = {}
        self.inputs: list[tuple[str, Value | None, bool]] = []
        self.parameters: dict[str, Path] = {}
        """Paths of `param`s and `buffer`s by the value's name."""
        self.members: dict[Path, Member | Instance] = {}
        self.places: dict[Path, Span] = {}
        self.numbers: dict[Path, int] = {}
        self.containers: dict[Path, Span] = {}
        self.ties: dict[Path, Path] = {}
        self.aliases: dict[Path, Path] = {}
        self.open_ties: list[OpenTie] = []
        self.open_aliases: list[tuple[Path, Instance]] = []
        """Other labels of instances that are the caller's."""
        self.borrowed: dict[int, tuple[str, Instance]] = {}
        self.raised: list[Raised] = []
        self.loops: list[Any] = []
        self.positive: dict[Size, Span] = {}
        """Sizes that must come out at least 1."""
        self.expanded = 0
        self.touched: set[str] = set()
        """Values that something took or named."""
        self._count = 0

    def value(self, type: TensorType, region: Region) -> Value:
        """A new value; it gets its name at the end."""
        self._count += 1
        one = Value(f"%{self._count}", type)
        self.home[one.name] = region
        for size in type.shape:
            if isinstance(size, Dim) and size not in self.positive:
                self.positive[size] = self.span  # type: ignore[assignment]
        return one

    def hint(self, value: Value, name: str) -> None:
        """The author's name for a value; the first one stays."""
        if name and name != "_":
            self.hints.setdefault(value.name, name)

    def number(self, container: Path) -> str:
        """Take the container's next number."""
        count = self.numbers.get(container, 0)
        self.numbers[container] = count + 1
        return str(count)

    def claim(self, path: Path, span: Span) -> None:
        """Note that something stands at a path. Raises on a path that is taken or reserved."""
        for segment in path:
            if hides_method(segment):
                raise Fault(
                    problems.ReservedLabel(
                        at=span,
                        what=f"`{segment}` is a name that torch.nn.Module owns",
                        label="this label would hide it",
                        help=f"call it `{segment}_` or something else",
                    )
                )
            if not segment:
                raise Fault(problems.BadLabel(at=span, what="a label has an empty segment"))
        taken = self.places.get(path)
        if taken is not None:
            raise Fault(
                problems.DuplicateLabel(
                    at=span,
                    what=f"`{'.'.join(path)}` is already the path of something else",
                    label="the same path again",
                    others=(Label(taken, "it stands here"),),
                    help='give each its own label; in a `repeat`, a label may be a template: `"name{i}"`',
                )
            )
        self.places[path] = span

    def add(self, path: Path, member: Member | Instance, span: Span) -> None:
        """Register a member."""
        self.claim(path, span)
        self.members[path] = member

    def contain(self, path: Path, span: Span) -> None:
        """Note a container; the same one may be mentioned again. Raises where something else has the path."""
        if path in self.places:
            self.claim(path, span)
        self.containers.setdefault(path, span)

    def path_to(self, instance: Instance) -> Path:
        """Where a declared instance is, from here: its own path, or ("", name) if it is the caller's."""
        if instance.unit is self:
            return instance.path
        return ("", self.borrow(instance))

    def borrow(self, instance: Instance) -> str:
        """Have the callers hand an instance in; the name it has here."""
        found = self.borrowed.get(id(instance))
        if found is None:
            base = instance.path[-1] if instance.path[-1].isidentifier() else "layer"
            taken = {name for name, _ in self.borrowed.values()}
            name = base
            while name in taken:
                name += "_"
            found = self.borrowed[id(instance)] = (name, instance)
        return found[0]

    def adopt(self, path: Path, result: Made) -> tuple[tuple[str, Path], ...]:
        """Take over what a called block needs from outside: what to lend it, its open ties, its facts."""
        for tie in result.open_ties:
            if isinstance(tie.target, Leaf):
                self.tie((*path, *tie.path), tie.target, tie.span)
        for inner, instance in result.open_aliases:
            self.alias((*path, *inner), instance)
        self.expanded += result.expanded
        for raised in result.raised:
            if raised not in self.raised:
                self.raised.append(raised)
                self.facts = assume(self.facts, raised)
        for size, span in result.positive.items():
            self.positive.setdefault(size, span)
        return tuple((name, self.path_to(instance)) for name, instance in result.borrowed)

    def alias(self, path: Path, instance: Instance) -> None:
        """A shared instance is used under another label."""
        if instance.unit is self:
            self.aliases[path] = instance.path
        elif (path, instance) not in self.open_aliases:
            self.open_aliases.append((path, instance))

    def tie(self, path: Path, target: Leaf | int | Path, span: Span) -> None:
        """The tensor at `path` is another one."""
        if isinstance(target, Leaf):
            if target.instance.unit is not self:
                self.open_ties.append(OpenTie(path, target, span))
                return
            target = (*target.instance.path, *target.name.split("."))
        if isinstance(target, int):
            self.open_ties.append(OpenTie(path, target, span))
            return
        self.ties[path] = target

    def rename(self, old: Path, new: Path, since: int, region: Region) -> None:
        """Move what stands at `old` (and below) to `new`, in the nodes of a region from `since` on: an iteration that is one
        layer."""

        def moved(path: Path) -> Path:
            return (*new, *path[len(old) :]) if path[: len(old)] == old else path

        self.members[new] = self.members.pop(old)
        self.places[new] = self.places.pop(old)
        self.containers.pop(new, None)
        self.ties = {moved(path): moved(target) for path, target in self.ties.items()}
        self.aliases = {moved(path): moved(target) for path, target in self.aliases.items()}
        self.open_aliases = [(moved(path), instance) for path, instance in self.open_aliases]
        self.open_ties = [changed(tie, path=moved(tie.path)) for tie in self.open_ties]
        nodes = region.nodes
        for index in range(since, len(nodes)):
            node = nodes[index]
            if node.path[: len(old)] == old or (node.member and node.member[: len(old)] == old):
                member = None if node.member is None else moved(node.member)
                nodes[index] = changed(node, path=moved(node.path), member=member)


@record
class Made:
    """A finished block: its graph and what it needs from whoever calls it."""

    graph: Graph
    borrowed: tuple[tuple[str, Instance], ...]
    open_ties: tuple[OpenTie, ...]
    open_aliases: tuple[tuple[Path, Instance], ...]
    raised: tuple[Raised, ...]
    positive: dict[Size, Span]
    expanded: int
    several: bool
    """The result is a tuple, even of one."""


def assume(facts: Facts, raised: Raised) -> Facts:
    """The facts, with one more."""
    match raised.op:
        case "==":
            return facts.and_equal(raised.left, raised.right)
        case "<=":
            return facts.and_at_most(raised.left, raised.right)
        case "<":
            return facts.and_less(raised.left, raised.right)
        case _:
            return facts.and_divisible(raised.left, raised.right)


def tensor_paths(member: Member) -> list[Path]:
    """Paths of the tensors of a member, from it."""
    if isinstance(member, Layer):
        return [tuple(leaf.split(".")) for leaf in member.op.parameters()]
    if isinstance(member, Call):
        return [path for path, _ in member.graph.tensors()]
    return [()]
