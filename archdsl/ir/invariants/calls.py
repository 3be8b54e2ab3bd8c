"""Invariants of calls: what a node calls exists and is called as it is, and a callee relies on nothing that its caller lacks."""

from __future__ import annotations

from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.invariants.finding import Said, View, invariant, tensor_type, type_of, types_text
from archdsl.ir.node import HOW, Node
from archdsl.ops.contract import Op


@invariant
def nodes_call_one_thing(view: View) -> Said:
    """A node has exactly one of an operator, a member, a scan and a choice, and what belongs to another kind it does not have."""
    for place, node in view.nodes():
        count = sum(one is not None for one in (node.op, node.member, node.scan, node.choice))
        if count != 1:
            yield place, f"a node calls one thing, and this calls {count}", node.span
        if not node.results:
            yield place, "a node without results", node.span
        if node.leaf and (node.member is None or node.operands):
            yield place, "a tensor of a member is read without operands", node.span
        if (node.graph is not None or node.lent) and graph_called(view, node) is None:
            yield place, "only the call of a block has another specialisation or lends layers", node.span


@invariant
def steps_are_run_in_known_ways(view: View) -> Said:
    """A step is run in ways that there are, and only the call of a block in another than the usual one."""
    for place, node in view.nodes():
        for one in node.how:
            if one not in HOW:
                yield place, f"`{one}` is no way to run a step", node.span
            elif graph_called(view, node) is None or node.leaf:
                yield place, f"only the call of a block is run as {one}", node.span


@invariant
def members_exist(view: View) -> Said:
    """A node calls a member of its graph, or a layer that the graph borrows."""
    for place, node in view.nodes():
        if node.member is None:
            continue
        what = view.member(node.member)
        if what is None:
            yield place, f"there is no member `{'.'.join(node.member)}`", node.span
        elif isinstance(what, Parameter):
            yield place, f"`{'.'.join(node.member)}` is a tensor, and a tensor is not called", node.span


@invariant
def tensors_read_exist(view: View) -> Said:
    """A node that reads a tensor of a member gives one value, of that tensor's type."""
    for place, node in view.nodes():
        if not node.leaf or node.member is None:
            continue
        what = view.member(node.member)
        path = tuple(node.leaf.split("."))
        if isinstance(what, Call):
            found = tensor_type(what.graph, path)
        elif isinstance(what, Graph):
            found = tensor_type(what, path)
        else:
            layer = Layer(what) if isinstance(what, Op) else what
            found = layer.parameters().get(node.leaf) if isinstance(layer, Layer) else None
        if found is None:
            yield place, f"the member owns no tensor `{node.leaf}`", node.span
        elif len(node.results) != 1 or not view.same(node.results[0].type, found):
            yield place, f"the tensor is {found}, and the results are {types_text([one.type for one in node.results])}", node.span


@invariant
def calls_fit_the_graph_called(view: View) -> Said:
    """The operands of a call have the types of the callee's inputs, the results those of its outputs."""
    for place, node in view.nodes():
        callee = graph_called(view, node)
        if callee is None or node.leaf:
            continue
        given = [type_of(one) for one in node.operands]
        wanted = [one.type for one in callee.input_values]
        if any(one is None for one in given):
            yield place, f"an absent input is not passed to `{callee.name}`", node.span
        elif not _fit(view, [one for one in given if one is not None], wanted):
            yield place, f"`{callee.name}` takes {types_text(wanted)}, and gets {types_text(given)}", node.span
        results = [one.type for one in node.results]
        if not _fit(view, results, list(callee.output_types)):
            yield (
                place,
                f"`{callee.name}` gives {types_text(callee.output_types)}, and the results are {types_text(results)}",
                node.span,
            )


@invariant
def other_specialisations_share_their_tensors(view: View) -> Said:
    """A shared block applied to other types has the same tensors there."""
    for place, node in view.nodes():
        what = view.member(node.member)
        declared = what.graph if isinstance(what, Call) else what
        if node.graph is not None and isinstance(declared, Graph):
            if list(node.graph.tensors()) != list(declared.tensors()):
                yield place, f"`{node.graph.name}` has other tensors than the member that it stands for", node.span


@invariant
def borrowed_layers_are_lent(view: View) -> Said:
    """A call lends exactly the layers that the callee borrows, each once, and each is what the callee takes it for."""
    for place, node in view.nodes():
        callee = graph_called(view, node)
        if callee is None or node.leaf:
            continue
        names = [name for name, _ in node.lent]
        wanted = [name for name, _ in callee.borrowed]
        if sorted(names) != sorted(wanted):
            yield (
                place,
                f"`{callee.name}` borrows {', '.join(wanted) or 'nothing'}, and is lent {', '.join(names) or 'nothing'}",
                node.span,
            )
            continue
        taken = dict(callee.borrowed)
        for name, path in node.lent:
            what = view.member(path)
            real = what.op if isinstance(what, Layer) else what.graph if isinstance(what, Call) else what
            if real is None or isinstance(real, Parameter):
                yield place, f"there is no layer `{'.'.join(path)}` to lend as `{name}`", node.span
            elif not _stands_for(real, taken[name]):
                yield place, f"`{name}` is lent another layer than `{callee.name}` was made with", node.span


@invariant
def choices_have_equal_sides(view: View) -> Said:
    """Both sides of `if training` take the operands and give the results."""
    for place, node in view.nodes():
        if node.choice is None:
            continue
        given = [type_of(one) for one in node.operands]
        results = [one.type for one in node.results]
        for side, graph in (("training", node.choice.training), ("evaluation", node.choice.evaluation)):
            wanted = [one.type for one in graph.input_values]
            if None in given or not _fit(view, [one for one in given if one is not None], wanted):
                yield place, f"the {side} side takes {types_text(wanted)}, and gets {types_text(given)}", node.span
            if not _fit(view, results, list(graph.output_types)):
                yield (
                    place,
                    f"the {side} side gives {types_text(graph.output_types)}, and the results are {types_text(results)}",
                    node.span,
                )


@invariant
def facts_of_the_callee_hold_in_the_caller(view: View) -> Said:
    """What a called graph takes for granted is known where it is called."""
    for place, node in view.nodes():
        callees = [graph_called(view, node), node.scan.body if node.scan is not None else None]
        if node.choice is not None:
            callees += [node.choice.training, node.choice.evaluation]
        for callee in callees:
            for fact, text in zip(callee.facts.facts, callee.facts.listed, strict=True) if callee is not None else ():
                if not _holds(view.facts, *fact):
                    yield place, f"`{callee.name if callee else ''}` relies on {text}, which nothing states here", node.span


@invariant
def facts_of_an_arch_have_doors(view: View) -> Said:
    """Every fact of an arch is checked at the model's door; only an arch has doors."""
    graph = view.graph
    if graph.kind != "arch" or graph is not view.top:
        if graph.doors and graph.kind != "arch":
            yield "", "only an arch has doors"
        return
    at_door = Facts()
    for door in graph.doors:
        if door.op not in ("==", "<=", "<", "%"):
            yield "doors", f"`{door.op}` is no check"
            continue
        at_door = _with(at_door, door.op, door.left, door.right)
    for fact, text in zip(graph.facts.facts, graph.facts.listed, strict=True):
        if not _holds(at_door, *fact):
            yield "doors", f"nothing checks {text}"


def graph_called(view: View, node: Node) -> Graph | None:
    """The graph that a node calls by its member, specialised."""
    if node.member is None:
        return None
    what = view.member(node.member)
    declared = what.graph if isinstance(what, Call) else what if isinstance(what, Graph) else None
    return node.graph if node.graph is not None and declared is not None else declared


def _fit(view: View, given: list[TensorType], wanted: list[TensorType]) -> bool:
    return len(given) == len(wanted) and all(map(view.same, given, wanted))


def _stands_for(real: object, taken: Graph | Op) -> bool:
    """A graph may be lent in another specialisation of the same block."""
    if isinstance(real, Graph) and isinstance(taken, Graph):
        return real is taken or list(real.tensors()) == list(taken.tensors())
    return real == taken


def _with(facts: Facts, op: str, left: object, right: object) -> Facts:
    return Facts((*facts.facts, (op, left, right)))  # type: ignore[arg-type]


def _holds(facts: Facts, op: str, left: object, right: object) -> bool:
    if (op, left, right) in facts.facts:
        return True
    match op:
        case "==":
            return facts.equal(left, right)  # type: ignore[arg-type]
        case "<=":
            return facts.at_least(right, left)  # type: ignore[arg-type]
        case "<":
            return facts.at_least(right, left + 1)  # type: ignore[arg-type,operator]
        case _:
            return facts.divides(right, left)  # type: ignore[arg-type]
