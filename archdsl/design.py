"""Design experiments in one line each: `design.swap(graph, "relu", "gelu")`, `design.without_skips(graph, "layer4")`.

Each takes a graph, as `Spec.graph` gives it, and gives another one, which `Spec.build`, `source`, `onnx`, `draw`, `summary` and
`verify` take in place of a name; the graph that was given stays as it is. `where` is a selector, as in `Graph.select`.
"""

from __future__ import annotations

from archdsl.designing.convolutions import factorised, grouped, separable, squeeze_excite
from archdsl.designing.enlarging import deepen, widen
from archdsl.designing.norms import post_norm, pre_norm
from archdsl.designing.scaling import scale, scale_to
from archdsl.designing.skips import with_skips, without_skips
from archdsl.designing.swapping import swap
from archdsl.weights.growing.grow import grow
from archdsl.weights.migrating import migrate

__all__ = [
    "deepen", "factorised", "grouped", "grow", "migrate", "post_norm", "pre_norm", "scale", "scale_to", "separable",
    "squeeze_excite", "swap", "widen", "with_skips", "without_skips",
]  # fmt: skip
