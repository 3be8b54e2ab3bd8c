"""The pass `fuse-gelu`."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.formulas import Formulas
from archdsl.passes.deployment.norms import near
from archdsl.passes.deployment.polynomials import Poly, plus
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
        return recognise(
            graph,
            site,
            "x times a share of x = gelu(x)",
            ("erf", "erfc", "tanh", "sigmoid", "exp", "logsigmoid", "softplus"),
            curve,
        )


def curve(formulas: Formulas, poly: Poly, x: Value, graph: Graph) -> Built | str:
    """What a formula of x is as one of the curves, times what else it is multiplied by."""
    name = ("value", x.name)
    shares = [one for mono in poly for one, _ in mono if isinstance(one, tuple) and one[0] in ("erf", "sigmoid")]
    for share in dict.fromkeys(shares):
        core, factor, others = _shared(poly, (name, share))
        inside, product = dict(share[1]), tuple(sorted(((name, 1.0), (share, 1.0)), key=repr))
        made = ""
        if share[0] == "erf" and alike(core, {((name, 1.0),): 0.5, product: 0.5}, factor):
            made, why = _normal(inside, name)
        elif share[0] == "sigmoid" and alike(core, {product: 1.0}, factor):
            made, why = _logistic(inside, name)
        elif share[0] == "erf" and alike(core, {((name, 1.0),): 0.5, product: -0.5}, factor):
            made, why = _normal(plus({}, inside, -1.0), name)
        else:
            continue
        if not made:
            return why
        values = [Value(one[1], formulas.types[one[1]]) for one in others]
        if all(one.type == x.type for one in values):
            return _times(made, x, factor, values)
    return ""


def _times(made: str, x: Value, factor: float, others: list[Value]) -> Built:
    """Writes the curve that a word and its argument say, times a number and values."""
    word, _, approximate = made.partition(" ")

    def build(of: Any) -> Any:
        out = of(x).silu() if word == "silu" else of(x).gelu(approximate=approximate)
        for one in others:
            out = out * of(one)
        return out if near(factor, 1.0) else out * factor

    return build


def _shared(poly: Poly, besides: tuple[Any, ...]) -> tuple[Poly, float, list[Any]]:
    """A formula without the values that are a factor of all of it, and without a number; the number, and the values."""
    monos = [dict(mono) for mono in poly]
    common = [one for one, exponent in monos[0].items() if exponent == 1 and one[0] == "value" and one not in besides]  # type: ignore[index]
    common = [one for one in common if all(mono.get(one) == 1 for mono in monos)]
    rest = {tuple(pair for pair in mono if pair[0] not in common): number for mono, number in poly.items()}
    return rest, 2 * abs(next(iter(rest.values()))) if len(rest) == 2 else next(iter(rest.values())), common


def _normal(inside: Poly, name: Any) -> tuple[str, str]:
    """The curve of a share by the error function of that; why it is none."""
    if alike(inside, {((name, 1.0),): sqrt(0.5)}):
        return "gelu none", ""
    return "", "what the error function is of is no x / sqrt(2)"


def _logistic(inside: Poly, name: Any) -> tuple[str, str]:
    """The curve of a share by the sigmoid of that; why it is none. A tanh is a sigmoid of twice as much."""
    if alike(inside, {((name, 1.0),): 1.0}):
        return "silu", ""
    if alike(inside, {((name, 1.0),): 2 * SCALE, ((name, 3.0),): 2 * SCALE * CUBE}):
        return "gelu tanh", ""
    cubic = set(inside) == {((name, 1.0),), ((name, 3.0),)}
    return "", "what the tanh is of is no sqrt(2 / pi) * (x + 0.044715 x**3), to nine digits" if cubic else ""


def alike(one: Poly, other: Poly, factor: float = 1.0) -> bool:
    """Whether a formula is the other one times a number, numbers but for rounding."""
    return one.keys() == other.keys() and all(near(number, factor * other[mono]) for mono, number in one.items())
