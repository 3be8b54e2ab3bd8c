"""The pass `fuse-layer-norm`."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from archdsl.ir.graph import Graph
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.norms import norm
from archdsl.passes.deployment.recognising import recognise
from archdsl.passes.site import Site
from archdsl.records import record


@record
class FuseLayerNorm(Pass):
    """Finds layer normalisation however it is written, and makes it one operator.

    The variance may be the library's, a mean of squares, or a mean of squares less the square of the mean; a weight and a bias of
    the axes that are normalised go into it. Where those are not the last they are moved there and back.
    """

    word: ClassVar[str] = "fuse-layer-norm"

    def edit(self, graph: Graph, site: Site) -> Graph:
        return recognise(
            graph,
            site,
            "(x - mean) / root(variance + eps) = layer_norm(x)",
            ("mean", "sum", "var", "std", "norm", "einsum"),
            partial(norm, centred=True),
        )
