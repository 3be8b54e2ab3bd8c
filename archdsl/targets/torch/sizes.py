"""Sizes as expressions over what is known at run time: configuration names and the shapes of tensors at hand."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dim import Dim, Size, format_size, symbol
from archdsl.dims.shape import TensorType


def shape_names(tensors: Mapping[str, TensorType]) -> dict[str, str]:
    """For each symbol that is plainly an axis of a tensor, or a multiple of it plus a number, the expression that gives it."""
    found: dict[str, str] = {}
    exact: set[str] = set()
    for name, type in tensors.items():
        for axis, size in enumerate(type.shape):
            if not isinstance(size, Dim):
                continue
            solved = solve(size, f"{name}.shape[{axis}]")
            if solved is None:
                continue
            label, text = solved
            plain = size == symbol(label)
            if label not in found or (plain and label not in exact):
                found[label] = text
            if plain:
                exact.add(label)
    return found


def solve(size: Dim, text: str) -> tuple[str, str] | None:
    """The symbol that `size`, whose value is `text`, gives: `2*H + 1` gives H as `(text - 1) // 2`. None where none alone."""
    (name, *others) = size.symbols
    if others or len(size.terms) > 2:
        return None
    terms = dict(size.terms)
    constant = terms.pop((), 0)
    if len(terms) != 1:
        return None
    ((mono, factor),) = terms.items()
    if len(mono) != 1 or mono[0][1] != 1 or mono[0][0].kind != "symbol":
        return None
    if factor.denominator != 1 or constant.denominator != 1:
        return None
    if constant:
        text = f"{text} {'-' if constant > 0 else '+'} {abs(constant)}"
    if factor != 1:
        text = f"({text}) // {factor}" if constant else f"{text} // {factor}"
    return name, text


def python_size(size: Size, names: Mapping[str, str]) -> str:
    """The size as a Python expression, each symbol as `names` says."""

    def named(name: str) -> str:
        text = names[name]
        return text if text.replace(".", "").replace("[", "").replace("]", "").replace("_", "").isalnum() else f"({text})"

    return format_size(size, "python", named)
