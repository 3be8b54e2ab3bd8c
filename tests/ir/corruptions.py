"""Corruptions of values, nodes and calls, each with the invariant that must find it."""

from __future__ import annotations

from archdsl.dims.dim import symbol
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.edit import insert_after
from archdsl.ir.graph import Call, Door, Graph, Input, Layer, Output
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.records import changed
from tests.ir.corrupting import (
    at,
    breaks,
    callee,
    calls,
    member,
    node,
    op,
    retyped,
    runs,
)


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


@breaks("steps-are-run-in-known-ways")
def a_layer_as_a_checkpoint(graph: Graph) -> Graph:
    return node(graph, calls("probe"), how=("checkpoint",))


@breaks("steps-are-run-in-known-ways")
def a_way_to_run_that_there_is_not(graph: Graph) -> Graph:
    return node(graph, calls("blocks", "2"), how=("faster",))


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
