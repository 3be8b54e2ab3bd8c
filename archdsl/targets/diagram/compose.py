"""From a graph to a picture: what is opened, what stays folded, which boxes the values join."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.analyses.cost import called_graph
from archdsl.analyses.outline import Group, Part, Repeat, Step, called_op, outline, own_path
from archdsl.analyses.summary import counts_below
from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.targets.diagram import words
from archdsl.targets.diagram.escape import clean
from archdsl.targets.diagram.opening import Rule
from archdsl.targets.diagram.picture import Box, Closed, Edge, Frame, Picture, Row

MOST_ROWS = 4
"""Steps of one type that stand in one box."""

MOST_EDGES = 5
"""A box that feeds more than these is named where it leads to."""

FOLLOWERS = ("norm", "pointwise", "activation", "random", "reduce")
"""Families whose steps may stand in the box of the step before."""

LEAVES = ("zeros", "ones", "full", "constant", "arange", "linspace", "eye")


@dataclass
class Scene:
    """One graph that is open: whose members it calls, where its values come from, and where it stands."""

    graph: Graph
    home: Graph
    prefix: Path
    env: dict[str, str | Node | None] = field(default_factory=dict)
    """Value → box; a node that makes a constant becomes a box when something uses it."""
    uses: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, Path] = field(default_factory=dict)
    """Layers that were handed in → their path."""


@dataclass(frozen=True)
class Place:
    """The frame that is drawn in: its id, its path, how many are around it."""

    frame: str = ""
    path: Path = ()
    level: int = 0


def compose(graph: Graph, rule: Rule) -> Picture:
    """The picture of a graph under a rule."""
    return _Composer(graph, rule).run()


class _Composer:
    def __init__(self, root: Graph, rule: Rule) -> None:
        self.root = root
        self.rule = rule
        self.below = counts_below(root)
        total = self.below.get((), 0)
        self.picture = Picture(root.name, f"{words.amount(total)} parameters" if total != 0 else "")
        self.boxes: dict[str, Box] = {}
        self.edges: dict[tuple[str, str, bool], Edge] = {}
        self.labelled: set[tuple[str, str]] = set()
        self.ends: dict[str, str] = {}
        self.told: set[Path] = set()

    def run(self) -> Picture:
        """Inputs, body, outputs."""
        scene = self._scene(self.root, self.root, ())
        for one in self.root.inputs:
            if one.value is not None:
                scene.env[one.value.name] = self._box("input", [Row(one.name, words.type_text(one.value.type))], Place())
        parts = outline(self.root)
        if self.rule.chunk:
            for at in range(0, len(parts), self.rule.chunk):
                nodes = [node for part in parts[at : at + self.rule.chunk] for node in nodes_of(part)]
                self._fold(scene, nodes, Place(), _counted(scene.home, nodes), "")
        else:
            self._parts(scene, parts, Place())
        for out in self.root.outputs:
            row = Row(out.name or "output", words.type_text(out.value.type))
            box = self._box("output", [row], Place())
            self.boxes[box].training = out.training
            self._join(scene, out.value, box, silent=True)
        self.picture.edges = self._spared()
        return self.picture

    def _spared(self) -> list[Edge]:
        """The edges, of a box that feeds very many only the first: the others are told in words where they lead to."""
        fed: Counter[str] = Counter(one.source for one in self.edges.values() if not one.back)
        kept, seen = [], set()
        for one in self.edges.values():
            source, target = self.boxes[one.source], self.boxes[one.target]
            name = source.rows[-1].label
            many = fed[one.source] > MOST_EDGES and not one.back and target.kind in ("layer", "block") and name != ""
            if many and one.source in seen:
                target.sources.append(name)
            else:
                kept.append(one)
            seen.add(one.source)
        return kept

    def _scene(self, graph: Graph, home: Graph, prefix: Path) -> Scene:
        uses = Counter(one.name for node in graph.nodes for one in words.values(node))
        uses.update({one.value.name: 2 for one in graph.outputs})
        return Scene(graph, home, prefix, uses=uses)

    def _box(self, kind: str, rows: list[Row], place: Place, count: int = 1) -> str:
        made = Box(f"n{len(self.picture.boxes)}", kind, rows, place.frame, count)
        self.picture.boxes.append(made)
        self.boxes[made.id] = made
        return made.id

    def _frame(self, kind: str, title: str, note: str, place: Place, path: Path) -> Place:
        made = Frame(f"cluster{len(self.picture.frames)}", kind, title, note, place.frame, place.level)
        self.picture.frames.append(made)
        return Place(made.id, path, place.level + 1)

    def _join(self, scene: Scene, value: Value, target: str, silent: bool = False) -> None:
        """An edge to the box from where the value comes; its type is told on its first edge."""
        source = self._source(scene, value)
        if source is None or source == target:
            return
        edge = self.edges.setdefault((source, target, False), Edge(source, target))
        text = words.type_text(value.type)
        if not silent and (source, text) not in self.labelled and self.boxes[source].kind not in ("input", "constant", "carry"):
            self.labelled.add((source, text))
            edge.texts.append(text)

    def _source(self, scene: Scene, value: Value) -> str | None:
        """The box that the value comes from; constants and parameters are drawn where they are first used."""
        found = scene.env.get(value.name)
        if isinstance(found, Node):
            op = called_op(scene.home, found)
            told = words.word(op, found) if op is not None else ""
            found = scene.env[value.name] = self._box("constant", [Row("", told)], self.here)
        elif found is None and value.name not in scene.env:
            for path, member in scene.home.members.items():
                if isinstance(member, Parameter) and member.value.name == value.name:
                    row = Row(
                        words.label((*scene.prefix, *path), (*scene.prefix, *path), self.here.path), words.type_text(value.type)
                    )
                    found = scene.env[value.name] = self._box("constant", [row], self.here)
                    break
        return found

    here: Place = Place()

    def _parts(self, scene: Scene, parts: Sequence[Part], place: Place, count: int = 1, last: Path = ()) -> None:
        for part in parts:
            self.here = place
            if isinstance(part, Step):
                self._step(scene, part.node, place, count, last)
            elif isinstance(part, Group):
                self._group(scene, part, place, count, last)
            else:
                self._repeat(scene, part, place)

    def _repeat(self, scene: Scene, part: Repeat, place: Place) -> None:
        final = part.iterations[-1]
        if len(part.parts) == 1:
            self._parts(scene, part.parts, place, part.count, (*scene.prefix, *final[0].path))
        else:
            inner = self._frame("repeat", f"× {part.count}", "", place, place.path)
            self._parts(scene, part.parts, Place(inner.frame, place.path, place.level))
        for nodes in part.iterations[1:]:
            for node, first in zip(nodes, part.iterations[0], strict=True):
                if node.member:
                    self.told.add((*scene.prefix, *own_path(scene.home, node)))
                for one, same in zip(node.results, first.results, strict=True):
                    scene.env[one.name] = scene.env.get(same.name)

    def _group(self, scene: Scene, part: Group, place: Place, count: int, last: Path) -> None:
        path = (*scene.prefix, *part.path)
        if _single(part):
            self._parts(scene, part.parts, place, count, last)
            return
        title = words.label(path, last[: len(path)] or path, place.path)
        if not self.rule.opens(path, "", place.level):
            self.picture.closed.append(Closed(".".join(path), ""))
            self._fold(scene, nodes_of(part), place, _counted(scene.home, nodes_of(part)), title, count, self._note(path, count))
            return
        inner = self._frame("container", title + _times(count), self._note(path, count), place, path)
        self._parts(scene, part.parts, inner)

    def _step(self, scene: Scene, node: Node, place: Place, count: int, last: Path) -> None:
        path = self._path(scene, node)
        title = words.label(path, last if len(last) == len(path) else path, place.path) if node.member else ""
        inner = called_graph(scene.home, node)
        op = called_op(scene.home, node)
        if inner is not None:
            self._block(scene, node, inner, place, path, title, count)
        elif node.scan is not None:
            self._scan(scene, node, place)
        elif node.choice is not None:
            self._fold(scene, [node], place, "if training", "")
        elif node.leaf:
            scene.env[node.results[0].name] = self._leaf(node, title, place)
        elif op is not None:
            self._operator(scene, node, op, place, path, title, count)

    def _leaf(self, node: Node, title: str, place: Place) -> str:
        return self._box("constant", [Row(f"{title}.{node.leaf}", words.type_text(node.results[0].type))], place)

    def _path(self, scene: Scene, node: Node) -> Path:
        if node.member and node.member[0] == "":
            return scene.names.get(node.member[1], (*scene.prefix, *node.path))
        return (*scene.prefix, *(own_path(scene.home, node) if node.member else node.path))

    def _note(self, path: Path, count: int = 1) -> str:
        """How many parameters there are below a path; told once."""
        total = self.below.get(path, 0)
        if path in self.told:
            return "shared"
        return "" if total == 0 else words.amount(total) + (f" × {count}" if count > 1 else "")

    def _block(self, scene: Scene, node: Node, inner: Graph, place: Place, path: Path, title: str, count: int) -> None:
        note = self._note(path, count)
        self.told.add(path)
        named = f"{title}: {inner.name}" if title else inner.name
        if not self.rule.opens(path, inner.name, place.level):
            self.picture.closed.append(Closed(".".join(path), inner.name))
            self._fold(scene, [node], place, inner.name, title, count, note)
            return
        below = self._scene(inner, inner, path)
        below.names = {name: (*scene.prefix, *there) for name, there in node.lent}
        given = [one for one in node.operands if one is not None]
        for value, one in zip(inner.input_values, given, strict=False):
            below.env[value.name] = self._source(scene, one) if isinstance(one, Value) else None
        self._parts(below, outline(inner), self._frame("block", named + _times(count), note, place, path))
        for result, out in zip(node.results, inner.outputs, strict=False):
            scene.env[result.name] = self._source(below, out.value)

    def _scan(self, scene: Scene, node: Node, place: Place) -> None:
        """A scan is open wherever its block is, if there is room: its steps are what the block is about."""
        what = node.scan
        assert what is not None  # noqa: S101
        title = f"scan over axis {what.axes[0]}, {what.length} steps" + (", reversed" if what.reverse else "")
        if not self.rule.scans:
            self._fold(scene, [node], place, title, "")
            return
        below = self._scene(what.body, scene.home, scene.prefix)
        below.names = scene.names
        inner = self._frame("scan", title, "", place, place.path)
        slices, values = len(what.axes), what.body.input_values
        carries: list[str] = []
        for at, (value, one) in enumerate(zip(values, node.operands, strict=False)):
            if not slices <= at < slices + what.carries:
                below.env[value.name] = self._source(scene, one) if isinstance(one, Value) else None
                continue
            start = scene.env.get(one.name) if isinstance(one, Value) else None
            op = called_op(scene.home, start) if isinstance(start, Node) else None
            told = f" = {op.name}" if op is not None else ""
            box = self._box("carry", [Row(value.name + told, words.type_text(value.type))], inner)
            below.env[value.name] = box
            carries.append(box)
            if op is None and isinstance(one, Value):
                self._join(scene, one, box)
        self._parts(below, outline(what.body), inner)
        outs = [self._source(below, out.value) for out in what.body.outputs]
        for box, end in zip(carries, outs, strict=False):
            if end is not None and end != box:
                self.edges[(end, box, True)] = Edge(end, box, back=True)
        results = [*outs[what.carries : what.carries + what.yields], *(outs[at] for at in what.finals)]
        for result, end in zip(node.results, results, strict=False):
            scene.env[result.name] = end

    def _operator(self, scene: Scene, node: Node, op: Op, place: Place, path: Path, title: str, count: int) -> None:
        given = words.values(node)
        if not given and not node.member and op.name in LEAVES:
            for one in node.results:
                scene.env[one.name] = node
            return
        note = self._note(path, count) if node.member else ""
        if node.member:
            if not note and any(not one.buffer for one in op.parameters().values()):
                note = "tied"
            self.told.add(path)
        joins = op.name in words.SIGNS and len(given) == 2 and len(node.operands) == 2
        if path and path[-1].isdigit() and not op.parameters():
            title = ""  # a number says nothing where no weights are to be found by it
        row = Row(title, words.SIGNS[op.name] if joins else words.word(op, node), note, words.family(op))
        box = "" if joins else self._stacked(scene, node, op, given, place, count)
        if box:
            self.boxes[box].rows.append(row)
        else:
            box = self._box("join" if joins else "layer", [row], place, count)
            for one in given:
                self._join(scene, one, box)
        for one in node.results:
            scene.env[one.name] = box
        self.ends[box] = node.results[0].name if len(node.results) == 1 else ""

    def _stacked(self, scene: Scene, node: Node, called: Op, given: Sequence[Value], place: Place, count: int) -> str:
        """The box that this step can stand in: that of the step before, if the type stays and nothing else looks at it."""
        follows = called.family in FOLLOWERS and count == 1 and len(given) == len(node.results) == 1
        if not follows or given[0].type != node.results[0].type:
            return ""
        source = scene.env.get(given[0].name)
        if not isinstance(source, str) or scene.uses.get(given[0].name) != 1 or self.ends.get(source) != given[0].name:
            return ""
        box = self.boxes[source]
        fits = box.kind == "layer" and box.frame == place.frame and box.count == 1 and len(box.rows) < MOST_ROWS
        return source if fits else ""

    def _fold(
        self, scene: Scene, nodes: Sequence[Node], place: Place, word: str, title: str, count: int = 1, note: str = ""
    ) -> None:
        """One box for all these nodes."""
        box = self._box("block", [Row(title, word, note, "block")], place, count)
        made = {one.name for node in nodes for one in node.results}
        for node in nodes:
            for one in words.values(node):
                if one.name not in made:
                    self._join(scene, one, box)
            for one in node.results:
                scene.env[one.name] = box


def nodes_of(part: Part) -> list[Node]:
    """All nodes of a part, of every iteration."""
    if isinstance(part, Step):
        return [part.node]
    if isinstance(part, Group):
        return [node for one in part.parts for node in nodes_of(one)]
    return [node for nodes in part.iterations for node in nodes]


def _single(part: Group) -> bool:
    """The container holds one thing alone, which then bears its label."""
    inner: Part = part.parts[0]
    return len(part.parts) == 1 and (not isinstance(inner, Repeat) or len(inner.parts) == 1)


def _times(count: int) -> str:
    return f" × {count}" if count > 1 else ""


def _counted(home: Graph, nodes: Iterable[Node]) -> str:
    """What the nodes call, the most frequent first: `Conv2d × 4, relu × 3, …`."""
    names: Counter[str] = Counter()
    for node in nodes:
        graph, op = called_graph(home, node), called_op(home, node)
        names[graph.name if graph is not None else op.name if op is not None else "scan"] += 1
    told = [name + _times(number) for name, number in names.most_common(3)]
    return clean(", ".join(told) + (", …" if len(names) > 3 else ""), 60)
