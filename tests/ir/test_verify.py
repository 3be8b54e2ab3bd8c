"""The verifier accepts every program that compiles and refuses every corruption, by the invariant that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from archdsl.dims.dim import symbol
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.build import Builder
from archdsl.ir.edit import insert_after, replace_node
from archdsl.ir.graph import Call, Door, Graph, Initializer, Input, Layer, Loop, Output, Parameter
from archdsl.ir.invariants.finding import INVARIANTS
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ir.verify import InvalidGraph, check, verify
from archdsl.ops.registry import find
from archdsl.records import changed
from tests.ir.everything import everything, programs

Corrupt = Callable[[Graph], Graph]
CORRUPTIONS: dict[str, tuple[str, Corrupt]] = {}


def breaks(rule: str) -> Callable[[Corrupt], Corrupt]:
    """The corruption must be found by that invariant."""

    def note(corrupt: Corrupt) -> Corrupt:
        CORRUPTIONS[corrupt.__name__] = (rule, corrupt)
        return corrupt

    return note


def op(name: str, **args):
    kind = find(name)
    assert kind is not None
    return kind(**args)


def at(graph: Graph, test: Callable[[Node], bool]) -> int:
    """The index of the first such node."""
    return next(index for index, node in enumerate(graph.nodes) if test(node))


def node(graph: Graph, test: Callable[[Node], bool], /, **values) -> Graph:
    """The graph with other fields in the first such node."""
    index = at(graph, test)
    return replace_node(graph, index, changed(graph.nodes[index], **values))


def calls(*path: str) -> Callable[[Node], bool]:
    return lambda one: one.member == path and not one.leaf


def runs(name: str) -> Callable[[Node], bool]:
    return lambda one: one.op is not None and one.op.name == name


def member(graph: Graph, path: str, /, **values) -> Graph:
    key = tuple(path.split("."))
    return changed(graph, members={**graph.members, key: changed(graph.members[key], **values)})


def callee(graph: Graph, path: str, /, **values) -> Graph:
    """The graph with other fields in the block at a path."""
    inner = graph.members[tuple(path.split("."))]
    assert isinstance(inner, Call)
    return member(graph, path, graph=changed(inner.graph, **values))


def scan(graph: Graph, /, **values) -> Graph:
    """The graph with other fields in the scan of its block `recur`."""
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    index = at(inner.graph, lambda one: one.scan is not None)
    old = inner.graph.nodes[index]
    return member(graph, "recur", graph=replace_node(inner.graph, index, changed(old, scan=changed(old.scan, **values))))


def body(graph: Graph, /, **values) -> Graph:
    """The graph with other fields in the body of that scan."""
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    old = inner.graph.nodes[at(inner.graph, lambda one: one.scan is not None)]
    assert old.scan is not None
    return scan(graph, body=changed(old.scan.body, **values))


def step_of(graph: Graph) -> Graph:
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    found = inner.graph.nodes[at(inner.graph, lambda one: one.scan is not None)].scan
    assert found is not None
    return found.body


def retyped(value: Value, *shape, dtype: str = "float") -> Value:
    return Value(value.name, TensorType(shape, dtype))


@breaks("value-names-are-unique")
def two_results_with_one_name(graph: Graph) -> Graph:
    first = graph.nodes[0].results[0]
    return node(graph, lambda one: one is graph.nodes[1], results=(Value(first.name, graph.nodes[1].results[0].type),))


@breaks("value-names-are-unique")
def a_result_named_as_an_input(graph: Graph) -> Graph:
    return node(graph, calls("recur"), results=(Value("ids", graph.nodes[0].results[0].type),))


@breaks("operands-are-defined-before-use")
def two_nodes_swapped(graph: Graph) -> Graph:
    nodes = list(graph.nodes)
    nodes[1], nodes[2] = nodes[2], nodes[1]
    return changed(graph, nodes=tuple(nodes))


@breaks("operands-are-defined-before-use")
def an_operand_of_another_graph(graph: Graph) -> Graph:
    return node(graph, calls("blocks", "1"), operands=(Value("elsewhere", graph.nodes[0].results[0].type),))


@breaks("operands-are-defined-before-use")
def an_operand_with_another_type_than_its_definition(graph: Graph) -> Graph:
    old = graph.nodes[at(graph, calls("recur"))].operands[0]
    assert isinstance(old, Value)
    return node(graph, calls("recur"), operands=(retyped(old, symbol("N"), symbol("T"), 17),))


@breaks("outputs-are-defined")
def an_output_that_nothing_makes(graph: Graph) -> Graph:
    return changed(
        graph, outputs=(changed(graph.outputs[0], value=Value("nowhere", graph.outputs[0].value.type)), graph.outputs[1])
    )


@breaks("types-are-well-formed")
def a_negative_size(graph: Graph) -> Graph:
    return member(graph, "scale", value=Value("scale", TensorType((-16,))))


@breaks("types-are-well-formed")
def a_dtype_that_does_not_exist(graph: Graph) -> Graph:
    return changed(
        graph, inputs=(changed(graph.inputs[0], value=retyped(graph.inputs[0].value, 4, dtype="i65")), graph.inputs[1])
    )


@breaks("sizes-are-in-known-symbols")
def a_declared_size_that_no_input_has(graph: Graph) -> Graph:
    old = graph.outputs[0].value
    return changed(
        node(graph, calls("lm_head"), results=(retyped(old, 2 * symbol("M"), symbol("T"), 20),)),
        outputs=(changed(graph.outputs[0], value=retyped(old, 2 * symbol("M"), symbol("T"), 20)), graph.outputs[1]),
    )


@breaks("parameters-have-numbers-for-sizes")
def a_layer_of_symbolic_width(graph: Graph) -> Graph:
    return member(graph, "probe", op=op("Linear", out_features=4, in_features=symbol("T")))


@breaks("operators-take-these-operands")
def an_operand_too_few(graph: Graph) -> Graph:
    return node(graph, runs("mul"), operands=graph.nodes[1].operands[:1])


@breaks("operators-take-these-operands")
def a_needed_operand_absent(graph: Graph) -> Graph:
    return node(graph, calls("probe"), operands=(None,))


@breaks("operators-take-these-operands")
def a_number_where_only_tensors_go(graph: Graph) -> Graph:
    return node(graph, calls("probe"), operands=(Number(3, TensorType(())),))


@breaks("functions-own-nothing")
def a_layer_in_a_node(graph: Graph) -> Graph:
    layer = graph.members["probe",]
    assert isinstance(layer, Layer)
    return node(graph, calls("probe"), member=None, op=layer.op)


@breaks("functions-own-nothing")
def a_function_as_a_member(graph: Graph) -> Graph:
    return member(graph, "probe", op=op("relu"))


@breaks("results-are-typed-as-inferred")
def a_result_of_twice_the_batch(graph: Graph) -> Graph:
    old = graph.outputs[1].value
    new = retyped(old, 2 * symbol("N"), symbol("T"), 4)
    return changed(node(graph, calls("probe"), results=(new,)), outputs=(graph.outputs[0], changed(graph.outputs[1], value=new)))


@breaks("results-are-typed-as-inferred")
def a_layer_bound_to_another_width(graph: Graph) -> Graph:
    return member(graph, "probe", op=op("Linear", out_features=4, in_features=32))


@breaks("results-are-typed-as-inferred")
def a_layer_that_is_not_bound(graph: Graph) -> Graph:
    return member(graph, "probe", op=op("Linear", out_features=4))


@breaks("results-are-typed-as-inferred")
def a_result_too_many(graph: Graph) -> Graph:
    first = graph.nodes[1].results[0]
    return node(graph, runs("mul"), results=(first, Value("second", first.type)))


@breaks("results-are-typed-as-inferred")
def another_attribute(graph: Graph) -> Graph:
    return node(graph, lambda one: one.path == ("0",), op=op("reshape", sizes=(symbol("N"), symbol("T") // 2, 4, 16)))


@breaks("nodes-call-one-thing")
def a_node_that_calls_nothing(graph: Graph) -> Graph:
    return node(graph, runs("mul"), op=None)


@breaks("nodes-call-one-thing")
def a_node_that_calls_two_things(graph: Graph) -> Graph:
    return node(graph, runs("mul"), member=("probe",))


@breaks("nodes-call-one-thing")
def a_node_without_results(graph: Graph) -> Graph:
    return insert_after(graph, 0, Node(graph.nodes[0].results, (), op=op("relu")))


@breaks("members-exist")
def a_member_that_is_gone(graph: Graph) -> Graph:
    return changed(graph, members={path: one for path, one in graph.members.items() if path != ("probe",)})


@breaks("members-exist")
def a_parameter_that_is_called(graph: Graph) -> Graph:
    return node(graph, calls("probe"), member=("scale",))


@breaks("members-exist")
def a_lent_layer_that_is_not_borrowed(graph: Graph) -> Graph:
    return node(graph, calls("probe"), member=("", "probe"))


@breaks("tensors-read-exist")
def a_tensor_that_the_member_does_not_own(graph: Graph) -> Graph:
    return node(graph, lambda one: bool(one.leaf), leaf="weigth")


@breaks("tensors-read-exist")
def a_tensor_read_as_another_type(graph: Graph) -> Graph:
    index = at(graph, lambda one: bool(one.leaf))
    old = graph.nodes[index].results[0]
    return node(graph, lambda one: bool(one.leaf), results=(retyped(old, 20, 17),))


@breaks("calls-fit-the-graph-called")
def a_block_called_with_another_type(graph: Graph) -> Graph:
    return node(graph, calls("recur"), operands=(graph.input_values[0],))


@breaks("calls-fit-the-graph-called")
def a_block_called_with_an_input_too_many(graph: Graph) -> Graph:
    operands = graph.nodes[at(graph, calls("recur"))].operands
    return node(graph, calls("recur"), operands=(*operands, *operands))


@breaks("calls-fit-the-graph-called")
def a_block_whose_result_is_another(graph: Graph) -> Graph:
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    return callee(graph, "recur", outputs=(*inner.graph.outputs, *inner.graph.outputs))


@breaks("other-specialisations-share-their-tensors")
def a_specialisation_with_other_tensors(graph: Graph) -> Graph:
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    return node(graph, calls("blocks", "0"), graph=inner.graph)


@breaks("borrowed-layers-are-lent")
def nothing_lent_to_a_block_that_borrows(graph: Graph) -> Graph:
    return node(graph, calls("blocks", "2"), lent=())


@breaks("borrowed-layers-are-lent")
def another_layer_lent(graph: Graph) -> Graph:
    return node(graph, calls("blocks", "2"), lent=(("act", ("probe",)),))


@breaks("choices-have-equal-sides")
def a_side_of_another_type(graph: Graph) -> Graph:
    index = at(graph, lambda one: one.choice is not None)
    choice = graph.nodes[index].choice
    assert choice is not None
    given = Value("x", TensorType((symbol("N"), 16)))
    other = changed(choice.evaluation, inputs=(Input("x", given),), outputs=(Output(None, given),))
    return node(graph, lambda one: one.choice is not None, choice=changed(choice, evaluation=other))


@breaks("facts-of-the-callee-hold-in-the-caller")
def a_fact_that_only_the_callee_knows(graph: Graph) -> Graph:
    return callee(graph, "recur", facts=Facts().and_divisible(symbol("N"), 7))


@breaks("facts-of-an-arch-have-doors")
def a_fact_that_nothing_checks(graph: Graph) -> Graph:
    return changed(graph, doors=())


@breaks("facts-of-an-arch-have-doors")
def a_door_that_checks_less(graph: Graph) -> Graph:
    return changed(graph, doors=(Door(symbol("T"), "<=", 1024, "too long"),))


@breaks("scans-count-their-parts")
def a_final_that_is_no_carry(graph: Graph) -> Graph:
    return scan(graph, finals=(1,))


@breaks("scans-count-their-parts")
def a_yield_too_many(graph: Graph) -> Graph:
    return scan(graph, yields=2, yield_axes=(1, 1))


@breaks("scans-count-their-parts")
def a_body_that_gives_less(graph: Graph) -> Graph:
    return body(graph, outputs=step_of(graph).outputs[:1])


@breaks("scanned-axes-have-the-length")
def a_scan_over_another_axis(graph: Graph) -> Graph:
    return scan(graph, axes=(0,))


@breaks("scanned-axes-have-the-length")
def a_scan_over_an_axis_that_is_not(graph: Graph) -> Graph:
    return scan(graph, axes=(3,))


@breaks("bodies-take-slices-carries-and-captures")
def a_slice_that_keeps_its_axis(graph: Graph) -> Graph:
    first, second = step_of(graph).inputs
    assert first.value is not None
    return body(graph, inputs=(changed(first, value=retyped(first.value, symbol("N"), 1, 16)), second))


@breaks("carries-keep-their-types")
def a_carry_that_changes_its_type(graph: Graph) -> Graph:
    step = step_of(graph)
    assert step.inputs[0].value is not None
    wide = Value("wide", TensorType((symbol("N"), 16, 1)))
    grow = Node((step.nodes[-1].results[0],), (wide,), op=op("unsqueeze", axis=-1))
    return body(graph, nodes=(*step.nodes, grow), outputs=(Output(None, wide), step.outputs[1]))


@breaks("scans-give-stacked-yields-and-finals")
def a_yield_stacked_at_another_axis(graph: Graph) -> Graph:
    return scan(graph, yield_axes=(0,))


@breaks("graphs-are-of-a-kind")
def a_graph_of_no_kind(graph: Graph) -> Graph:
    return callee(graph, "recur", kind="module")


@breaks("graphs-are-of-a-kind")
def a_graph_without_outputs(graph: Graph) -> Graph:
    return callee(graph, "recur", outputs=())


@breaks("inputs-and-outputs-are-named-once")
def two_outputs_of_one_name(graph: Graph) -> Graph:
    return changed(graph, outputs=(graph.outputs[0], changed(graph.outputs[0])))


@breaks("inputs-and-outputs-are-named-once")
def a_training_output_first(graph: Graph) -> Graph:
    return changed(graph, outputs=tuple(reversed(graph.outputs)))


@breaks("paths-are-well-formed")
def a_path_with_an_empty_segment(graph: Graph) -> Graph:
    return changed(graph, members={**graph.members, ("blocks", ""): graph.members["act",]})


@breaks("paths-are-well-formed")
def a_segment_with_a_dot(graph: Graph) -> Graph:
    return changed(graph, members={**graph.members, ("blocks.9",): graph.members["act",]})


@breaks("paths-are-unique")
def a_member_where_a_container_is(graph: Graph) -> Graph:
    return changed(graph, members={**graph.members, ("blocks",): graph.members["act",]})


@breaks("paths-are-unique")
def a_member_where_a_tensor_is(graph: Graph) -> Graph:
    return changed(graph, members={**graph.members, ("act", "weight"): graph.members["act",]})


@breaks("paths-are-unique")
def a_child_that_the_instance_has_already(graph: Graph) -> Graph:
    return changed(graph, members={**graph.members, ("recur", "W"): graph.members["act",]})


@breaks("members-stand-in-the-order-of-the-state-dict")
def a_parameter_after_the_layers(graph: Graph) -> Graph:
    rest = {path: one for path, one in graph.members.items() if path != ("scale",)}
    return changed(graph, members={**rest, ("scale",): graph.members["scale",]})


@breaks("ties-join-tensors-of-one-type")
def a_tie_to_a_tensor_that_is_not(graph: Graph) -> Graph:
    return changed(graph, ties={("lm_head", "weight"): ("wte", "bias")})


@breaks("ties-join-tensors-of-one-type")
def a_tie_of_two_shapes(graph: Graph) -> Graph:
    return changed(graph, ties={**graph.ties, ("act", "weight"): ("probe", "weight")})


@breaks("ties-join-tensors-of-one-type")
def ties_in_a_circle(graph: Graph) -> Graph:
    return changed(graph, ties={**graph.ties, ("wte", "weight"): ("lm_head", "weight")})


@breaks("aliases-lead-to-members")
def an_alias_of_nothing(graph: Graph) -> Graph:
    return changed(graph, aliases={("again",): ("nothing",)})


@breaks("initializers-fit-their-tensors")
def an_initializer_of_no_tensor(graph: Graph) -> Graph:
    return member(graph, "probe", inits=(("wieght", Initializer("zeros")),))


@breaks("initializers-fit-their-tensors")
def a_constant_of_another_shape(graph: Graph) -> Graph:
    builder = Builder("constant", "constant")
    return member(graph, "signs", init=Initializer("constant", (), builder.finish(builder.op(op("zeros", sizes=(15,))))))


@breaks("loops-are-ranges-of-nodes")
def a_loop_beyond_the_end(graph: Graph) -> Graph:
    return changed(graph, loops=(Loop(("blocks",), ((5, 6), (6, 700))),))


def test_there_is_nothing_to_find_in_what_compiles() -> None:
    assert {name: verify(graph) for name, graph in programs().items() if verify(graph)} == {}
    assert check(everything()) is everything()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_refused_by_its_invariant(name: str) -> None:
    rule, corrupt = CORRUPTIONS[name]
    broken = corrupt(everything())
    findings = verify(broken)
    assert rule in {one.rule for one in findings}, [str(one) for one in findings]
    with pytest.raises(InvalidGraph) as caught:
        check(broken)
    assert caught.value.findings == findings
    assert rule in str(caught.value)


def test_every_invariant_has_a_corruption_that_breaks_it() -> None:
    assert {rule for rule, _ in CORRUPTIONS.values()} == set(INVARIANTS)
    assert all(check.__doc__ for check in INVARIANTS.values())


def test_free_configuration_may_size_parameters() -> None:
    builder = Builder("Net", "arch")
    x = builder.input("x", "[N, width]")
    graph = builder.finish({"y": builder.layer("fc", op("Linear", out_features=3), x)})
    assert {one.rule for one in verify(graph)} == {"parameters-have-numbers-for-sizes"}
    assert verify(graph, free=["width"]) == ()


def test_the_builder_makes_valid_graphs() -> None:
    inner = Builder("Inner")
    x = inner.input("x", "[N, 8]")
    graph = inner.finish(inner.op(op("relu"), inner.layer("fc", op("Linear", out_features=8), x), path="1"))
    outer = Builder("Outer", "arch")
    y = outer.input("x", "[N, 8]")
    w = outer.parameter("w", "[8]")
    assert isinstance(outer._members["w",], Parameter)
    y = outer.op(op("add"), outer.call("a", graph, y), w)
    assert verify(outer.finish({"y": outer.call("b", graph, y)})) == ()


@dataclass(frozen=True)
class Broken:
    """No operator at all, in a node."""

    name: str = "broken"
    layer: bool = False
    numbers: bool = True
    tensors: tuple[str, ...] = ("x", "y")

    def bind(self, *_: object) -> Broken:
        raise ZeroDivisionError


def test_an_operator_that_fails_is_a_finding() -> None:
    broken = node(everything(), runs("mul"), op=Broken())
    assert "results-are-typed-as-inferred" in {one.rule for one in verify(broken)}
