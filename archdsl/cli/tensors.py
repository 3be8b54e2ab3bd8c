"""Tensors of a file as a person reads them: a table, and a comparison with an architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from archdsl.problems.render.cells import visible
from archdsl.problems.suggest import did_you_mean

if TYPE_CHECKING:
    from archdsl.files.tensors import Held
    from archdsl.weights.layouts import Comparison, Layout
    from archdsl.weights.own import Own

SHOWN = 20
"""How many names of a kind a comparison lists."""


def table(given: Mapping[str, Held]) -> str:
    """Names, types, shapes and bytes, and their sums."""
    rows = [(visible(name), one.dtype, _shape(one.shape), f"{one.data.nbytes:,}") for name, one in given.items()]
    elements = sum(one.data.nbytes * 8 // bits for one, bits in _widths(given))
    size = sum(one.data.nbytes for one in given.values())
    return "\n".join([*_aligned(rows), f"{len(given)} tensors, {elements:,} elements, {size:,} bytes"])


def comparison(own: Own, given: Mapping[str, Held], found: Comparison, near: Sequence[Layout], target: str, file: str) -> str:
    """What fits, what does not, and what can be done."""
    lines = [f"{len(found.equal)} of {len(own.tensors)} tensors of {own.name} are in {visible(file)}"]
    fitting = [one for one in near if one.fits]
    for one in fitting:
        lines.append(f"it is in the layout {one.path.stem} ({one.reference}), which is converted by")
        needed = "".join(f" -D {name}={value}" for name, value in one.needs)
        lines.append(f"  archdsl weights convert {target}{needed} {visible(file)} --map {one.path.stem} -o own.safetensors")
    if fitting:
        return "\n".join(lines)
    lines += _group("of another shape or type", [_differs(own, given, name) for name in found.misshapen])
    lines += _group("missing", [f"{name} {_shape(own.tensors[name].shape)}" for name in found.missing])
    extra = [f"{visible(name)} {_shape(given[name].shape)}" + _hint(name, found.missing) for name in found.extra[:SHOWN]]
    lines += _group(f"not in {own.name}", extra, len(found.extra))
    for one in near:
        if one.taken > 0.5:
            lines.append(f"it looks like the layout {one.path.stem} ({one.reference}), of another size or with other parts")
    if found.fits:
        lines.append("it can be loaded as it is")
    return "\n".join(lines)


def _hint(name: str, missing: Iterable[str]) -> str:
    hint = did_you_mean(name, missing)
    return f": {hint}" if hint else ""


def _differs(own: Own, given: Mapping[str, Held], name: str) -> str:
    one, wanted = given[name], own.tensors[name]
    return f"{name} is {one.kind} {_shape(one.shape)} and must be {wanted.kind} {_shape(wanted.shape)}"


def _group(what: str, names: Sequence[str], count: int | None = None) -> list[str]:
    if not names:
        return []
    total = len(names) if count is None else count
    shown = [f"  {one}" for one in names[:SHOWN]]
    return [f"{total} {what}:", *shown, *([f"  … and {total - SHOWN} more"] if total > SHOWN else [])]


def _shape(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _widths(given: Mapping[str, Held]) -> Iterable[tuple[Held, int]]:
    from archdsl.files.tensors import BITS

    return [(one, BITS[one.dtype]) for one in given.values()]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as broad as their widest cell; the last one stands at its right end."""
    broad = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return [f"{row[0]:{broad[0]}}  {row[1]:{broad[1]}}  {row[2]:{broad[2]}}  {row[3]:>{broad[3]}}" for row in rows]
