"""The pass `fuse-rms-norm`."""

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
class FuseRMSNorm(Pass):
    """Finds root-mean-square normalisation however it is written, and makes it one operator.

    A weight of the axes that are normalised goes into it.
    """

    word: ClassVar[str] = "fuse-rms-norm"

    def edit(self, graph: Graph, site: Site) -> Graph:
        return recognise(
            graph,
            site,
            "x / root(mean(x ** 2) + eps) = rms_norm(x)",
            ("mean", "sum", "var", "std", "norm", "einsum"),
            partial(norm, centred=False),
        )
