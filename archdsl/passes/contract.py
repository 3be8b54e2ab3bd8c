"""What a pass is: a graph in, a graph out, and how its tensors come from those before. Its fields are its options."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Choice, Node
from archdsl.ir.verify import check
from archdsl.ops.contract import Op
from archdsl.passes.carrying import Derived, Passed, of_instances
from archdsl.passes.holds import Below, holds
from archdsl.passes.pattern import Refusal
from archdsl.passes.site import Site
from archdsl.records import changed, record


@record
class Pass:
    """A subclass is a record with a default for each field, states its `word`, and edits one graph at a time.

    Its docstring opens with one line that says what it does. Types and numbers stay, and so do keys and tensors, unless the edit
    tells `site.derive` what becomes of them.
    """

    word: ClassVar[str] = ""
    exact: ClassVar[bool] = True
    """Whether the function is kept, up to rounding."""
    evaluation: ClassVar[bool] = False
    """Whether it is kept in evaluation mode only: what comes out is for inference."""

    def wrong(self) -> str:
        """What is wrong with its options; nothing where they are such as it takes."""
        return ""

    def edit(self, graph: Graph, site: Site) -> Graph:
        """One graph of the program, at its site; itself where nothing changes."""
        raise TypeError(f"{type(self).__name__} edits nothing")

    def run(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Graph:
        """The graph that `apply` makes."""
        return self.apply(graph, float=float, refusals=refusals, verify=verify).graph

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        """The program with every graph of it edited, callees first, and how its tensors come from those before.

        `float` is the program's float type; what was found and left as it is goes to `refusals`. Raises `InvalidGraph` where what
        it made is no valid graph, unless `verify` is false."""
        walk = _Everywhere(self, float, refusals if refusals is not None else [], graph)
        after = walk.graph(graph, graph)
        if verify and after is not graph:
            check(after, float=float)
        return Passed(after, tuple(of_instances(graph, walk.derived)))


class _Everywhere:
    def __init__(self, one: Pass, float: str, refusals: list[Refusal], root: Graph) -> None:
        self.one = one
        self.float = float
        self.refusals = refusals
        self.holds = holds(root)
        self.derived: dict[int, list[Derived]] = {}
        self.below = Below(self.holds)
        self.done: dict[tuple[int, int], tuple[Graph, Graph, Graph]] = {}

    def graph(self, graph: Graph, owner: Graph) -> Graph:
        key = (id(graph), id(owner))
        if key not in self.done:
            self.done[key] = (graph, owner, self._graph(graph, owner))
        return self.done[key][2]

    def _graph(self, graph: Graph, owner: Graph) -> Graph:
        members = {}
        for path, member in graph.members.items():
            inner = self.graph(member.graph, member.graph) if isinstance(member, Call) else None
            members[path] = changed(member, graph=inner) if isinstance(member, Call) and inner is not member.graph else member
        borrowed = tuple((name, self.graph(what, what) if isinstance(what, Graph) else what) for name, what in graph.borrowed)
        nodes = tuple(self.node(one, owner) for one in graph.nodes)
        same = (
            all(members[path] is member for path, member in graph.members.items())
            and all(a is b for a, b in zip(nodes, graph.nodes, strict=True))
            and all(a[1] is b[1] for a, b in zip(borrowed, graph.borrowed, strict=True))
        )
        after = graph if same else changed(graph, members=members, nodes=nodes, borrowed=borrowed)
        derived = self.derived.setdefault(id(owner), [])
        body = owner is not graph
        site = Site(owner if body else after, self.float, self.refusals, derived, self.holds.get(id(owner)), body, self.below)
        return self.below.same(self.one.edit(after, site), graph)

    def node(self, node: Node, owner: Graph) -> Node:
        if node.graph is not None and (inner := self.graph(node.graph, node.graph)) is not node.graph:
            return changed(node, graph=inner)
        if node.scan is not None and (body := self.graph(node.scan.body, owner)) is not node.scan.body:
            return changed(node, scan=changed(node.scan, body=body))
        if node.choice is not None:
            sides = self.graph(node.choice.training, owner), self.graph(node.choice.evaluation, owner)
            if sides[0] is not node.choice.training or sides[1] is not node.choice.evaluation:
                return changed(node, choice=Choice(*sides))
        return node


def is_function(node: Node, owner: Graph) -> bool:
    """Whether the results of a node follow from its operands and its parameters, and it does nothing else: no draw, no statistic
    that training updates."""
    if node.leaf:
        return True
    if node.op is not None:
        return not node.op.random
    if node.member is not None:
        return _is_pure(node.graph or _called(owner, node))
    bodies = [node.scan.body] if node.scan else [node.choice.training, node.choice.evaluation] if node.choice else []
    return all(is_function(one, owner) for body in bodies for one in body.nodes)


def _called(owner: Graph, node: Node) -> Any:
    path = node.member or ()
    if path[0] == "" and len(path) == 2:
        return dict(owner.borrowed)[path[1]]
    member = owner.members.get(owner.aliases.get(path, path))
    return member.graph if isinstance(member, Call) else member.op if isinstance(member, Layer) else None


def _is_pure(what: Any) -> bool:
    if isinstance(what, Op):
        return not what.random and not any(one.buffer for one in what.parameters().values())
    return isinstance(what, Graph) and all(is_function(one, what) for one in what.nodes)
