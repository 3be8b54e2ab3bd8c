"""What is in sight without any fact: lower bounds of sizes, and max and min pruned by them."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

from archdsl.dims.dim import ONE, Atom, Coefficient, Dim, Size, make_atom


def atom_low(atom: Atom) -> int | None:
    """A number that the atom is never below, whatever its symbols."""
    if atom.kind == "floor":
        above, below = atom.args
        low = low_bound(above)
        if low is None:
            return None
        if isinstance(below, int):
            return low // below
        under = low_bound(below)
        return 0 if low >= 0 and under is not None and under >= 1 else None
    lows = [low_bound(one) for one in atom.args]
    known = [low for low in lows if low is not None]
    if atom.kind == "max":
        return max(known) if known else None
    return min(known) if len(known) == len(lows) else None


def low_bound(size: Size) -> int | None:
    """A number that `size` is never below, whatever its symbols; None where none is in sight."""
    if isinstance(size, int):
        return size
    total: Coefficient = 0
    for mono, coefficient in size.terms.items():
        value = 1
        for atom, power in mono:
            low = atom.low
            if low is None or low < 0:
                return None
            value *= low**power
        if coefficient < 0 and mono:
            return None
        total += coefficient * value
    return floor(total)


def plainly_at_least(p: Size, q: Size) -> bool:
    """Whether `p >= q` is in sight."""
    low = low_bound(p - q)
    return low is not None and low >= 0


def extreme(kind: str, sizes: tuple[Size, ...], covers: Callable[[Size, Size], bool]) -> Size:
    """Max or min of `sizes`, without those that another one `covers(that, it)`."""
    flat: dict[Size, None] = {}
    for one in sizes:
        mono = next(iter(one.terms)) if isinstance(one, Dim) and len(one.terms) == 1 else ONE
        inner = isinstance(one, Dim) and len(mono) == 1 and mono[0][1] == 1 and mono[0][0].kind == kind and one.terms[mono] == 1
        for part in mono[0][0].args if inner else (one,):
            flat[part] = None
    left: list[Size] = []
    for one in sorted(flat, key=lambda size: (isinstance(size, int), str(size))):
        if not any(covers(other, one) for other in left):
            left = [other for other in left if not covers(one, other)]
            left.append(one)
    return left[0] if len(left) == 1 else make_atom(kind, tuple(left))
