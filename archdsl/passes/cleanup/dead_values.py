"""The pass `dead-values`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.contract import Pass, is_function
from archdsl.passes.rewriting import without
from archdsl.passes.site import Site
from archdsl.records import record


@record
class DeadValues(Pass):
    """Takes away what nothing uses. What draws, or updates a statistic in training, stays."""

    word: ClassVar[str] = "dead-values"

    def edit(self, graph: Graph, site: Site) -> Graph:
        needed = {one.value.name for one in graph.outputs}
        gone = []
        for index in reversed(range(len(graph.nodes))):
            node = graph.nodes[index]
            if not any(one.name in needed for one in node.results) and is_function(node, site.owner):
                gone.append(index)
            else:
                needed.update(one.name for one in node.operands if isinstance(one, Value))
        return without(graph, gone) if gone else graph
