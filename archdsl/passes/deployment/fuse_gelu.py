"""The pass `fuse-gelu`."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.formulas import Formulas, Mono, Poly
from archdsl.passes.deployment.norms import near
from archdsl.passes.deployment.recognising import Built, recognise
from archdsl.passes.site import Site
from archdsl.records import record

SCALE = sqrt(2 / pi)
CUBE = 0.044715


@record
class FuseGelu(Pass):
    """Finds GELU and SiLU however they are written, and makes each one operator.

    GELU by the error function, or by its approximations of a tanh or of a sigmoid that are the same; SiLU is x * sigmoid(x). The
    numbers must be theirs to nine digits: 0.79788456 is not yet the root of 2 / pi.
    """

    word: ClassVar[str] = "fuse-gelu"

    def edit(self, graph: Graph, site: Site) -> Graph:
        return recognise(graph, site, "x times a share of x = gelu(x)", ("erf", "tanh", "sigmoid", "exp"), curve)


def curve(formulas: Formulas, poly: Poly, x: Value, graph: Graph) -> Built | str:
    """What a formula of x is as one of the curves."""
    name = ("value", x.name)

    def of(*powers: tuple[int, float]) -> Poly:
        return {((name, float(power)),): number for power, number in powers}

    half: Mono = ((name, 1.0),)
    cubic = ((1, SCALE), (3, SCALE * CUBE))
    found = [
        one for mono in poly for one, _ in mono if isinstance(one, tuple) and one[0] in ("erf", "tanh", "sigmoid", "power of")
    ]
    for one in dict.fromkeys(found):
        kind, inside = one[0], dict(one[1])
        product: Mono = tuple(sorted(((name, 1.0), (one, 1.0)), key=repr))
        halves: Poly = {half: 0.5, product: 0.5}
        if kind == "erf" and alike(poly, halves):
            return _gelu(x, "none") if alike(inside, of((1, sqrt(0.5)))) else "what the error function is of is no x / sqrt(2)"
        if kind == "tanh" and alike(poly, halves):
            if alike(inside, of(*cubic)):
                return _gelu(x, "tanh")
            return "what the tanh is of is no sqrt(2 / pi) * (x + 0.044715 x**3), to nine digits"
        if kind == "sigmoid" and alike(poly, {product: 1.0}):
            if alike(inside, of((1, 1.0))):
                return lambda build: build(x).silu()
            return _gelu(x, "tanh") if alike(inside, of(*((power, 2 * number) for power, number in cubic))) else ""
        if kind == "power of" and alike(poly, {tuple(sorted(((name, 1.0), (one, -1.0)), key=repr)): 1.0}):
            grown: Any = next((atom for mono in inside for atom, _ in mono if isinstance(atom, tuple) and atom[0] == "exp"), None)
            if grown is not None and alike(inside, {(): 1.0, ((grown, 1.0),): 1.0}) and alike(dict(grown[1]), of((1, -1.0))):
                return lambda build: build(x).silu()
    return ""


def _gelu(x: Value, approximate: str) -> Built:
    return lambda build: build(x).gelu(approximate=approximate)


def alike(one: Poly, other: Poly) -> bool:
    """Whether two formulas are the same, numbers but for rounding."""
    return one.keys() == other.keys() and all(near(number, other[mono]) for mono, number in one.items())
