"""Whether two graphs are one program: the same tensors under the same keys, starting alike, the same steps on the same values.

What a text cannot say is left out: numbers of layers without tensors, the names of values and blocks, how often a layer's tensor
is read.
"""

from __future__ import annotations

from archdsl.analyses.cost import called_graph
from archdsl.dims.dim import Dim
from archdsl.dims.facts import Facts
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Operand


class Different(AssertionError):
    """Where two programs part."""


def starts(graph: Graph) -> dict[Path, object]:
    """How each tensor starts, by its path."""
    found: dict[Path, object] = {}
    for path, member in graph.members.items():
        if isinstance(member, Parameter):
            found[path] = (member.init.name, dict(member.init.args), member.init.graph is not None)
            if member.init.graph is not None:
                found[path] = [one.op for one in member.init.graph.nodes]
        elif isinstance(member, Layer):
            inits = dict(member.inits)
            for leaf in member.op.parameters():
                one = inits.get(leaf)
                found[(*path, *leaf.split("."))] = None if one is None else (one.name, dict(one.args))
        else:
            found |= {(*path, *inner): one for inner, one in starts(member.graph).items()}
    return found


def ties(graph: Graph) -> dict[Path, Path]:
    """All ties and aliases, by whole paths."""
    found = {**graph.ties, **{("alias", *path): one for path, one in graph.aliases.items()}}
    for path, member in graph.members.items():
        if isinstance(member, Call):
            found |= {(*path, *one): (*path, *other) for one, other in ties(member.graph).items()}
    return found


def check_same(before: Graph, after: Graph) -> None:
    """Raises `Different`."""
    assert [(path, one) for path, one in before.tensors()] == [(path, one) for path, one in after.tensors()], "tensors"
    given, came = ([(i.name, i.value.type) for i in graph.inputs if i.value is not None] for graph in (before, after))
    assert given == came, f"inputs {given} and {came}"
    assert [(o.name, o.training) for o in before.outputs] == [(o.name, o.training) for o in after.outputs], "outputs"
    left, right = starts(before), starts(after)
    for path in left:
        assert left[path] == right.get(path), f"{'.'.join(path)} starts as {left[path]} and {right.get(path)}"
    assert ties(before) == ties(after), f"ties {ties(before)} {ties(after)}"
    _bodies(before, after, before, after, "", set())


def _bodies(
    one: Graph, other: Graph, home: Graph, away: Graph, place: str, seen: set[tuple[int, int]],
    names: dict[str, object] | None = None, others: dict[str, object] | None = None,
) -> None:  # fmt: skip
    """`home` and `away` own the members that the bodies call; `names` and `others` say where the inputs come from."""
    if names is None or others is None:
        if (id(one), id(other)) in seen:
            return
        seen.add((id(one), id(other)))
        names, others = ({value.name: ("input", at) for at, value in enumerate(g.input_values)} for g in (one, other))
        if len(one.input_values) != len(other.input_values):
            raise Different(f"{place}: {len(one.input_values)} inputs and {len(other.input_values)}")
    for names_, graph in ((names, home), (others, away)) if one is home else ():
        for path, member in graph.members.items():
            if isinstance(member, Parameter):
                names_[member.value.name] = ("parameter", path)
    left, right = _steps(one, names, home), _steps(other, others, away)
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        told, said = _called(home, a, away.facts), _called(away, b, away.facts)
        if told != said:
            raise Different(f"{place} step {index}: {told} and {said}")
        takes, took = (_taken(node, known) for node, known in ((a, names), (b, others)))
        if takes != took:
            raise Different(f"{place} step {index} ({told[0]}): takes {takes} and {took}")
        for at, (x, y) in enumerate(zip(a.results, b.results, strict=True)):
            names[x.name] = others[y.name] = (index, at)
            if x.type.dtype != y.type.dtype or not all(map(away.facts.equal, x.type.shape, y.type.shape)):
                raise Different(f"{place} step {index}: {x.type} and {y.type}")
        inner, within = called_graph(home, a), called_graph(away, b)
        if inner is not None and within is not None:
            where = ".".join(a.member or ())
            _bodies(inner, within, inner, within, f"{place}.{where}", seen)
        for part, body, another in _inner(a, b):
            _bodies(body, another, home, away, f"{place}.{part}", seen, _captured(a, body, names), _captured(b, another, others))
    if len(left) != len(right):
        raise Different(f"{place}: {len(left)} steps and {len(right)}")
    gives, gave = [_source(names, x.value) for x in one.outputs], [_source(others, x.value) for x in other.outputs]
    if gives != gave:
        raise Different(f"{place}: gives {gives} and {gave}")


def _inner(a: Node, b: Node) -> list[tuple[str, Graph, Graph]]:
    """The bodies of two scans, or of two choices."""
    if a.scan is not None and b.scan is not None:
        return [("scan", a.scan.body, b.scan.body)]
    if a.choice is None or b.choice is None:
        return []
    return [
        ("training", a.choice.training, b.choice.training),
        ("evaluation", a.choice.evaluation, b.choice.evaluation),
    ]


def _own(node: Node) -> int:
    """How many operands are not captured: captures come in any order."""
    return (
        len(node.scan.axes) + node.scan.carries if node.scan is not None else 0 if node.choice is not None else len(node.operands)
    )


def _captured(node: Node, body: Graph, names: dict[str, object]) -> dict[str, object]:
    """Where the inputs of a body come from."""
    own = _own(node)
    found: dict[str, object] = {one.name: ("own", index) for index, one in enumerate(body.input_values[:own])}
    for one, outer in zip(body.input_values[own:], node.operands[own:], strict=True):
        found[one.name] = ("outer", _source(names, outer))
    return found


def _taken(node: Node, names: dict[str, object]) -> list[object]:
    """What a step takes; optional operands that are absent at the end may be left out."""
    found = [_source(names, one) for one in node.operands[: _own(node)]]
    while found and found[-1] is None:
        found.pop()
    return found


def _steps(graph: Graph, names: dict[str, object], home: Graph) -> list[Node]:
    done = []
    for node in graph.nodes:
        if node.leaf:
            names[node.results[0].name] = ("leaf", node.member, node.leaf)
        else:
            done.append(node)
    return done


def _called(graph: Graph, node: Node, facts: Facts) -> tuple[object, ...]:
    if node.op is not None:
        return ("op", type(node.op), [_simple(value, facts) for _, value in node.op.items()])
    if node.scan is not None:
        one = node.scan
        return ("scan", one.axes, one.carries, one.yields, one.yield_axes, one.finals, one.reverse, one.until)
    if node.choice is not None:
        return ("choice",)
    member = graph.members.get(node.member or ())
    if isinstance(member, Layer):
        return ("layer", node.member if member.op.parameters() else None, member.op)
    stateful = isinstance(member, Call) and any(True for _ in member.graph.tensors())
    return ("block", node.member if stateful or member is None else None, len(node.lent))


def _simple(value: object, facts: Facts) -> object:
    if isinstance(value, tuple):
        return tuple(_simple(one, facts) for one in value)
    return facts.simplify(value) if isinstance(value, Dim) else (type(value), value)


def _source(names: dict[str, object], one: Operand) -> object:
    if isinstance(one, Number):
        return ("number", one.number, one.type)
    return None if one is None else names[one.name]
