"""Sizes that grow with their one symbol: from which value on they are at least 1."""

from __future__ import annotations

from archdsl.dims.dim import Dim, Size

FARTHEST = 1 << 20


def grows(size: Size) -> bool:
    """Whether a size never falls when its symbols rise: positive multiples of symbols, and floors, maxima and minima of such."""
    if not isinstance(size, Dim):
        return True
    for monomial, factor in size.terms.items():
        if monomial and factor < 0:
            return False
        for atom, _ in monomial:
            if atom.kind == "floor" and not (grows(atom.args[0]) and isinstance(atom.args[1], int)):
                return False
            if atom.kind in ("max", "min") and not all(grows(one) for one in atom.args):
                return False
    return True


def least(size: Dim) -> tuple[str, int] | None:
    """The size's one symbol and the smallest value of it for which the size is at least 1; None where that is no plain matter."""
    if len(size.symbols) != 1 or not grows(size):
        return None
    (name,) = size.symbols
    low, high = 0, 1
    while size.evaluate({name: high}) < 1:
        low, high = high, high * 2
        if high > FARTHEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if size.evaluate({name: middle}) >= 1 else (middle, high)
    return name, high
