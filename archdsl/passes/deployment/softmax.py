"""Softmax as a formula: exponentials over their sum, with or without their largest taken off before."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.deployment.formulas import Formulas, Poly
from archdsl.passes.deployment.norms import near
from archdsl.passes.deployment.recognising import Built


def softmax(formulas: Formulas, poly: Poly, x: Value, graph: Graph) -> Built | str:
    """What a formula is as exp(x) / sum(exp(x)) along an axis; what is the same along it may be taken off x."""
    ((mono, number), *others) = poly.items() or [((), 0.0)]
    atoms = {exponent: one for one, exponent in mono}
    grown, total = atoms.get(1.0), atoms.get(-1.0)
    if others or not near(number, 1.0) or len(mono) != 2 or not isinstance(grown, tuple) or not isinstance(total, tuple):
        return ""
    if grown[0] != "exp" or total[0] != "sum" or total[3] != ((grown, 1.0),) or len(total[1]) != 1:
        return ""
    inside: Poly = dict(grown[1])
    if inside.pop(((("value", x.name), 1.0),), None) != 1.0:
        return ""
    if not all(formulas.stays(one, total[1]) for mono in inside for one, _ in mono):
        return ""
    less = formulas.reading.maker(x, "sub", "add")
    if less is not None and any(isinstance(one, Value) and one.type.shape[total[1][0] :][:1] == (1,) for one in less.operands):
        return ""  # what is the same along the axis is taken off here: x is what it is taken off
    return lambda build: build(x).softmax(axis=total[1][0])
