"""Proofs by cases: what a sum with floors is for each remainder that its symbols may have, it always is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import lcm
from typing import TYPE_CHECKING

from archdsl.dims.bounds import nonnegative
from archdsl.dims.dim import Atom, Dim, Size, symbol

if TYPE_CHECKING:
    from archdsl.dims.known import Known

_CASES, _FEW = 64, 12


def equal_by_cases(known: Known, gap: Dim) -> bool:
    """Whether `gap == 0` whatever the remainders of the symbols under its floors; False also where there are too many cases."""
    return _in_all_cases(known, gap, _CASES, lambda size: size == 0)


def nonnegative_by_cases(known: Known, gap: Dim) -> bool:
    """Whether `gap >= 0`, in the same way."""
    return _in_all_cases(known, gap, _FEW, lambda size: nonnegative(known, size))


def _in_all_cases(known: Known, gap: Dim, most: int, holds: Callable[[Size], bool]) -> bool:
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
        if not 0 < count <= most:
            return False
        # symbol = wide * (h - 1) + remainder with h >= 1; the prime keeps the name apart from every user's
        choices.append([wide * (symbol(name + "'") - 1) + one for one in fitting])
    return bool(names) and all(_in_case(known, gap, dict(zip(names, case, strict=True)), holds) for case in product(*choices))


def _in_case(known: Known, gap: Dim, case: dict[str, Size], holds: Callable[[Size], bool]) -> bool:
    try:
        return holds(known.simplify(gap.substitute(case)))
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
