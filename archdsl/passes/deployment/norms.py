"""Layer and root-mean-square normalisation as formulas."""

from __future__ import annotations

from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.deployment.formulas import Formulas
from archdsl.passes.deployment.polynomials import Mono, Poly
from archdsl.passes.deployment.recognising import Built

CLOSE = 1e-9
"""How far a number may be from the one that is meant, relatively."""


def near(one: float, other: float) -> bool:
    """Whether two numbers are the same but for rounding."""
    return abs(one - other) <= CLOSE * max(abs(one), abs(other))


def norm(formulas: Formulas, poly: Poly, x: Value, graph: Graph, *, centred: bool) -> Built | str:
    """What a formula is as a normalisation of x: (x - mean) / root(variance + eps) * weight + bias; or without mean and bias."""
    roots = {one for mono in poly for one, exponent in mono if isinstance(one, tuple) and one[0] == "power of" and exponent < 0}
    for root in sorted(roots, key=repr):
        found = _by(formulas, poly, x, graph, root, centred)
        if found is not None:
            return found
    bare = any(isinstance(one, tuple) and one[0] == "sum" and exponent == -0.5 for mono in poly for one, exponent in mono)
    return "no eps is added under the root" if bare else ""


def _by(formulas: Formulas, poly: Poly, x: Value, graph: Graph, root: Any, centred: bool) -> Built | str | None:
    inside: dict[Mono, float] = dict(root[1])
    if any(isinstance(one, tuple) and one[0] in ("power of", "sum") and power == 0.5 for mono in inside for one, power in mono):
        return "eps is added to the deviation, not to the variance"
    axes = next((one[1] for mono in inside for one, _ in mono if isinstance(one, tuple) and one[0] == "sum"), None)
    if axes is None:
        return None
    x_atom = ("value", x.name)
    sizes = tuple(x.type.shape[axis] for axis in axes)
    count = TensorType(sizes).numel()
    first, squares = (("sum", axes, sizes, ((x_atom, exponent),)) for exponent in (1.0, 2.0))
    share: Mono = () if isinstance(count, int) else ((("size", count), -1.0),)
    number = float(count) if isinstance(count, int) else 1.0
    parts: dict[str, dict[Mono, float]] = {"x": {}, "mean": {}, "rest": {}}
    for mono, factor in poly.items():
        atoms = dict(mono)
        if (exponent := atoms.pop(root, None)) is None:
            parts["rest"][mono] = factor
            continue
        if exponent != -0.5:
            return None
        kind, own = ("x", x_atom) if atoms.get(x_atom) == 1 else ("mean", first)
        if atoms.pop(own, None) != 1:
            return None
        for one, power in share if kind == "mean" else ():
            if atoms.pop(one, None) != power:
                return None
        parts[kind][tuple(sorted(atoms.items(), key=repr))] = -factor * number if kind == "mean" else factor
    if not parts["x"] or (set(parts["x"]) != set(parts["mean"]) if centred else parts["mean"]):
        return None
    if centred and not all(near(one, parts["mean"][mono]) for mono, one in parts["x"].items()):
        return None
    eps = _eps(inside, squares, first, count, share, centred)
    if isinstance(eps, str):
        return eps
    weight = None if parts["x"] == {(): 1.0} else _tensor(formulas, graph, parts["x"], axes, sizes)
    bias = _tensor(formulas, graph, parts["rest"], axes, sizes) if parts["rest"] else None
    if isinstance(weight, str) or isinstance(bias, str) or (bias is not None and not centred):
        return ""
    rank = x.type.rank
    last = [axis % rank for axis in axes]
    order = (*(axis for axis in range(rank) if axis not in last), *last)
    straight, back = tuple(range(rank)), tuple(order.index(axis) for axis in range(rank))

    def build(of: Any) -> Any:
        given = of(x) if order == straight else of(x).permute(axis=order)
        word, more = ("layer_norm", (weight, bias)) if centred else ("rms_norm", (weight,))
        tensors = (None if one is None else one(of) for one in more)
        made = getattr(given, word)(*tensors, normalized_shape=sizes[0] if len(sizes) == 1 else sizes, eps=eps)
        return made if order == straight else made.permute(axis=back)

    return build


def _eps(inside: dict[Mono, float], squares: Any, first: Any, count: Any, share: Mono, centred: bool) -> float | str:
    """What is added to the variance, or to the mean square; why it is none."""
    n = float(count) if isinstance(count, int) else 1.0
    rest = dict(inside)
    mean_square = rest.pop(tuple(sorted(((squares, 1.0), *share), key=repr)), None)
    doubled = tuple((one, 2 * power) for one, power in share)
    square_mean = rest.pop(tuple(sorted(((first, 2.0), *doubled), key=repr)), None)
    eps = rest.pop((), None)
    if rest or mean_square is None or (square_mean is None) == centred:
        return ""
    if not near(mean_square * n, 1.0) or (square_mean is not None and not near(square_mean * n * n, -1.0)):
        return "what is under the root is divided by another number than how many there are"
    if eps is None or eps <= 0:
        return "no eps is added under the root"
    return eps


def _tensor(formulas: Formulas, graph: Graph, part: Poly, axes: tuple[int, ...], sizes: tuple[Any, ...]) -> Built | str:
    """The weight or the bias, which may be a sum such as 1 + w; a text where it is made of more than tensors of the axes that are
    normalised."""
    values: dict[str, Value] = {}
    factors: list[tuple[Any, float]] = [pair for mono in part for pair in mono]
    for one, power in factors:
        type = formulas.types.get(one[1]) if isinstance(one, tuple) and one[0] == "value" else None
        if type is None or power not in (1, 2) or not _fits(graph, type, axes, sizes):
            return "it is no tensor of the axes that are normalised"
        values[one[1]] = Value(one[1], type)
    if not values:
        return "it is a number"

    def build(of: Any) -> Any:
        total = None
        for mono, number in part.items():
            made = None
            for one, power in list[tuple[Any, float]](mono):
                value = of(values[one[1]])
                value = value if value.type.shape == sizes else value.reshape(sizes=sizes)
                for _ in range(int(power)):
                    made = value if made is None else made * value
            made = number if made is None else made if number == 1 else made * number
            total = made if total is None else total + made
        return total

    return build


def _fits(graph: Graph, type: TensorType, axes: tuple[int, ...], sizes: tuple[Any, ...]) -> bool:
    """Whether a tensor has these sizes along the axes, counted from the end, and is the same along all others."""
    shape = dict(zip(range(-type.rank, 0), type.shape, strict=True))
    wanted = dict(zip(axes, sizes, strict=True))
    return type.dtype == "float" and all(graph.facts.equal(shape.get(axis, 1), wanted.get(axis, 1)) for axis in {*shape, *wanted})
