"""Layer and root-mean-square normalisation as formulas."""

from __future__ import annotations

from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.deployment.formulas import Formulas, Mono, Poly
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
    return ""


def _by(formulas: Formulas, poly: Poly, x: Value, graph: Graph, root: Any, centred: bool) -> Built | str | None:
    inside: dict[Mono, float] = dict(root[1])
    if any(isinstance(one, tuple) and one[0] == "power of" and power == 0.5 for mono in inside for one, power in mono):
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
    if tuple(sorted(axes)) != tuple(range(-len(axes), 0)):
        return "it normalises other axes than the last"
    weight = None if parts["x"] == {(): 1.0} else _tensor(formulas, graph, parts["x"], sizes)
    bias = _tensor(formulas, graph, parts["rest"], sizes) if parts["rest"] else None
    if weight is False or bias is False or (bias is not None and not centred):
        return ""
    shape = sizes[0] if len(sizes) == 1 else sizes
    operands = (weight, bias) if centred else (weight,)
    word = "layer_norm" if centred else "rms_norm"
    return lambda build: getattr(build(x), word)(
        *(None if one is None else build(one) for one in operands), normalized_shape=shape, eps=eps
    )


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


def _tensor(formulas: Formulas, graph: Graph, part: dict[Mono, float], sizes: tuple[Any, ...]) -> Value | bool:
    """The weight or the bias; False where it is no tensor of the axes that are normalised."""
    ((mono, number), *others) = part.items()
    if others or number != 1 or len(mono) != 1 or mono[0][1] != 1:
        return False
    key: Any = mono[0][0]
    if key[0] != "value":
        return False
    type = formulas.types[key[1]]
    fits = type.rank == len(sizes) and type.dtype == "float" and all(map(graph.facts.equal, type.shape, sizes))
    return Value(key[1], type) if fits else False
