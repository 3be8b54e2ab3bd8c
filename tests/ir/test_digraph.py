"""The networkx view has a vertex for each node and an edge for each use."""

from __future__ import annotations

import networkx
import pytest

from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.value import Value
from tests.ir.everything import everything, programs


@pytest.mark.parametrize("name", programs())
def test_vertices_and_edges_are_counted(name: str) -> None:
    for graph in programs()[name].graphs():
        made = graph.to_networkx()
        state = sum(isinstance(one, Parameter) for one in graph.members.values())
        assert made.number_of_nodes() == len(graph.input_values) + state + len(graph.nodes) + len(graph.outputs)
        uses = sum(isinstance(one, Value) for node in graph.nodes for one in node.operands) + len(graph.outputs)
        assert made.number_of_edges() == uses
        assert networkx.is_directed_acyclic_graph(made)
        assert [one for one in networkx.topological_sort(made) if isinstance(one, int)] if graph.nodes else True


def test_attributes_say_what_a_vertex_is() -> None:
    graph: Graph = everything()
    made = graph.to_networkx()
    kinds = {data["kind"] for _, data in made.nodes(data=True)}
    assert kinds == {"input", "parameter", "op", "member", "choice", "output"}
    recur = next(data for _, data in made.nodes(data=True) if data["member"] == "recur")
    assert (recur["label"], str(recur["types"][0]), recur["op"]) == ("recur", "[N, T, 16]", None)
    probe = next(data for _, data in made.nodes(data=True) if data["member"] == "probe")
    assert probe["op"] == "Linear"
    assert made.nodes["parameter", "scale"]["op"] is None
    edges = made.get_edge_data(("parameter", "scale"), 1)
    assert [(one["value"], str(one["type"]), one["operand"], one["result"]) for one in edges.values()] == [
        ("scale", "[16]", 1, 0)
    ]


def test_questions_of_graph_theory() -> None:
    """The input dominates every output through the embedding, in the flow of values."""
    made = networkx.DiGraph(everything().to_networkx())
    dominators = networkx.immediate_dominators(made, ("input", "ids"))
    assert dominators[0] == ("input", "ids")
    head = next(one for one, data in made.nodes(data=True) if data["member"] == "lm_head")
    assert networkx.has_path(made, 0, head)
