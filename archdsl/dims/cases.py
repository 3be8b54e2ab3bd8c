"""Proofs by cases: a sum with floors is 0 where it is 0 for each remainder that its symbols may have."""

from __future__ import annotations

from itertools import product
from math import lcm
from typing import TYPE_CHECKING

from archdsl.dims.dim import Atom, Dim, Size, symbol

if TYPE_CHECKING:
    from archdsl.dims.known import Known

_CASES = 64


def equal_by_cases(known: Known, gap: Dim) -> bool:
    """Whether `gap == 0` whatever the remainders of the symbols under its floors; False also where there are too many cases."""
    moduli: dict[str, int] = {}
    _moduli(gap, moduli)
    names = sorted(moduli)
    choices = []
    count = 1
    for name in names:
        ((atom, _),) = next(iter(symbol(name).terms))
        modulus, remainder = known.remainders.get(atom, (1, 0))
        wide = lcm(moduli[name], modulus)
        fitting = [one for one in range(1, wide + 1) if (one - remainder) % modulus == 0] if wide <= _CASES * 64 else []
        count *= len(fitting)
        if not 0 < count <= _CASES:
            return False
        # symbol = wide * (h - 1) + remainder with h >= 1; the prime keeps the name apart from every user's
        choices.append([wide * (symbol(name + "'") - 1) + one for one in fitting])
    return bool(names) and all(_zero(known, gap, dict(zip(names, case, strict=True))) for case in product(*choices))


def _zero(known: Known, gap: Dim, case: dict[str, Size]) -> bool:
    try:
        return known.simplify(gap.substitute(case)) == 0
    except ZeroDivisionError:  # a divisor that may be 0 is not for this proof
        return False


def _moduli(size: Size, moduli: dict[str, int]) -> None:
    """Which modulus of each symbol settles every floor by a number: the denominators it stands over, one inside the other."""
    if isinstance(size, Dim):
        for atom in size.atoms():
            _atom_moduli(atom, 1, moduli)


def _atom_moduli(atom: Atom, around: int, moduli: dict[str, int]) -> None:
    if atom.kind == "symbol":
        if around > 1:
            moduli[atom.name] = lcm(moduli.get(atom.name, 1), around)
        return
    inner = around
    if atom.kind == "floor" and isinstance(atom.args[1], int):
        inner = around * atom.args[1]
    for one in atom.args:
        if isinstance(one, Dim):
            for deeper in one.atoms():
                _atom_moduli(deeper, inner, moduli)
