"""Edits give valid graphs with the same keys and the same numbers, and refuse what cannot be."""

from __future__ import annotations

import pytest
import torch

from archdsl.dims.shape import TensorType
from archdsl.ir import edit
from archdsl.ir.build import Builder
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ir.verify import check, verify
from archdsl.ops.contract import Op
from archdsl.ops.registry import find
from archdsl.records import changed
from archdsl.targets.torch.module import build
from tests.ir.everything import everything, programs


def op(name: str, **args) -> Op:
    kind = find(name)
    assert kind is not None
    return kind(**args)


def small() -> Graph:
    """`fc`, relu, a block `b` that owns a parameter, called twice, and a scan that calls `cell`."""
    inner = Builder("Inner")
    x = inner.input("x", "[N, 8]")
    scale = inner.parameter("scale", "[8]", "ones")
    y = inner.op(op("mul"), inner.layer("fc", op("Linear", out_features=8), x), scale, name="y")
    graph = inner.finish(inner.op(op("relu"), y, path="1"))
    outer = Builder("Outer", "arch")
    x = outer.input("x", "[N, 8]")
    y = outer.op(op("relu"), outer.layer("fc", op("Linear", out_features=8), x), name="y", path="1")
    y = outer.call("b", graph, y)
    y = outer.again("b", y)
    outer.ties["b", "fc", "weight"] = "fc", "weight"
    return check(outer.finish({"out": y}))


def run(graph: Graph, like: Graph, *inputs: torch.Tensor) -> torch.Tensor:
    """The graph's output with the other's weights, the keys of which it must have."""
    source, module = build(like, seed=3), build(graph, seed=4)
    module.load_state_dict(source.state_dict(), strict=True)
    with torch.no_grad():
        result = module.double().eval()(*inputs)
    return result[0] if isinstance(result, tuple) else result


X = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_replacing_an_operator() -> None:
    graph = small()
    made = check(edit.with_op(graph, 1, op("sigmoid")))
    assert made != graph
    assert graph == small(), "the graph itself is as it was"
    module = build(graph, seed=3).double()
    h = torch.sigmoid(module.fc(X))
    for _ in range(2):
        h = module.b(h)
    assert torch.equal(run(made, graph, X), h)
    with pytest.raises(ValueError, match="no operator"):
        edit.with_op(graph, 0, op("sigmoid"))


def test_inserting_and_removing() -> None:
    graph = small()
    first = graph.nodes[1].results[0]
    new = Value("z", first.type)
    made = edit.insert_after(graph, 1, Node((first, Number(2.0, TensorType(()))), (new,), op=op("mul")))
    assert len(made.nodes) == len(graph.nodes) + 1
    with pytest.raises(ValueError, match="still used"):
        edit.remove(made, 1)
    used = edit.replace_node(made, 3, changed(made.nodes[3], operands=(new,)))
    module = build(graph, seed=3).double()
    h = 2 * torch.relu(module.fc(X))
    for _ in range(2):
        h = module.b(h)
    assert torch.equal(run(check(used), graph, X), h)
    back = edit.remove(edit.substitute(used, {"z": first}), 2)
    assert back == graph


def test_an_output_stays_a_value() -> None:
    graph = small()
    with pytest.raises(ValueError, match="no value"):
        edit.substitute(graph, {graph.outputs[0].value.name: None})


def test_renaming_a_value_changes_nothing_else() -> None:
    graph = small()
    made = check(edit.rename_value(graph, "y", "hidden"))
    assert edit.rename_value(made, "hidden", "y") == graph
    assert torch.equal(run(made, graph, X), run(graph, graph, X))
    for old, new in (("nothing", "z"), ("y", "x")):
        with pytest.raises(ValueError, match="there is"):
            edit.rename_value(graph, old, new)


def test_renaming_a_member_moves_its_keys_and_ties() -> None:
    graph = small()
    made = check(edit.rename_member(graph, ("b",), ("tower", "block")))
    assert {path for path, _ in made.tensors()} == {
        ("tower", "block", *path[1:]) if path[0] == "b" else path for path, _ in graph.tensors()
    }
    assert made.ties == {("tower", "block", "fc", "weight"): ("fc", "weight")}
    assert edit.rename_member(made, ("tower", "block"), ("b",)).nodes == graph.nodes
    with pytest.raises(ValueError, match="nothing"):
        edit.rename_member(graph, ("c",), ("d",))
    with pytest.raises(ValueError, match="already"):
        edit.rename_member(graph, ("fc",), ("b",))


def test_a_member_is_added_and_taken_away() -> None:
    graph = small()
    more = edit.with_member(graph, ("extra",), Layer(op("Linear", in_features=8, out_features=2)))
    assert check(more).members["extra",]
    assert edit.without_member(more, ("extra",)) == graph
    for path, why in ((("fc",), "called"), (("nothing",), "no member")):
        with pytest.raises(ValueError, match=why):
            edit.without_member(graph, path)


def test_inlining_keeps_keys_and_numbers() -> None:
    graph = small()
    made = check(edit.inline(graph, ("b",)))
    assert not any(isinstance(one, Call) for one in made.members.values())
    assert list(made.tensors()) == list(graph.tensors()) or dict(made.tensors()) == dict(graph.tensors())
    assert isinstance(made.members["b", "scale"], Parameter)
    assert len(made.nodes) == 2 + 2 * 3
    assert torch.equal(run(made, graph, X), run(graph, graph, X))


def test_inlining_hands_on_what_is_lent_and_goes_into_bodies() -> None:
    graph = everything()
    made = check(edit.inline(edit.inline(graph, ("recur",)), ("blocks", "1")))
    assert dict(made.tensors()) == dict(graph.tensors())
    ids = torch.arange(12).reshape(2, 6) % 20
    assert torch.equal(run(made, graph, ids), run(graph, graph, ids))
    for path, why in ((("act",), "no block"), (("nothing",), "no block")):
        with pytest.raises(ValueError, match=why):
            edit.inline(graph, path)


@pytest.mark.parametrize("name", programs())
def test_whatever_can_be_inlined_stays_valid(name: str) -> None:
    graph = programs()[name]
    made = graph
    for path, member in list(graph.members.items()):
        if isinstance(member, Call):
            try:
                made = edit.inline(made, path)
            except ValueError:
                continue
    assert verify(made) == ()
    assert dict(made.tensors()) == dict(graph.tensors())
    assert [one.value.type for one in made.outputs] == [one.value.type for one in graph.outputs]


def test_an_edit_everywhere_keeps_what_is_shared() -> None:
    graph = everything()
    assert edit.everywhere(graph, lambda one: one) is graph
    seen: list[str] = []

    def relu_for_gelu(one: Graph) -> Graph:
        seen.append(one.name)
        for index, node in enumerate(one.nodes):
            if node.op is not None and node.op.name == "gelu":
                one = edit.with_op(one, index, op("relu"))
        return one

    made = check(edit.everywhere(graph, relu_for_gelu))
    assert seen.count("Mix") == 1
    blocks = [made.members["blocks", str(index)] for index in range(3)]
    assert all(isinstance(one, Call) and one.graph is blocks[0].graph for one in blocks)  # type: ignore[union-attr]
    assert not any(node.op is not None and node.op.name == "gelu" for one in made.graphs() for node in one.nodes)
    assert made.members["recur",] is graph.members["recur",]


def test_loops_follow_insertions() -> None:
    graph = everything()
    (loop,) = graph.loops
    value = graph.nodes[loop.ranges[0][0]].results[0]
    more = Node((value,), (Value("more", value.type),), op=op("relu"))
    inside = edit.insert_after(graph, loop.ranges[0][0], more)
    (a, b), *rest = loop.ranges
    assert inside.loops[0].ranges == ((a, b + 1), *((start + 1, end + 1) for start, end in rest))
    before = edit.insert_after(graph, -1, more)
    assert before.loops[0].ranges == tuple((start + 1, end + 1) for start, end in loop.ranges)
    assert verify(inside) == ()
