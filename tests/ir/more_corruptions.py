"""Corruptions of scans, labels, ties and outputs, each with the invariant that must find it."""

from __future__ import annotations

from archdsl.dims.dim import symbol
from archdsl.dims.shape import TensorType
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph, Initializer, Loop, Output
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.records import changed
from tests.ir.corrupting import (
    body,
    breaks,
    callee,
    member,
    op,
    retyped,
    scan,
    step_of,
)


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
