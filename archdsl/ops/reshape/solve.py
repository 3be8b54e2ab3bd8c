"""The sizes of a pattern's parts, solved from the input's shape and the sizes given; each composed axis is proved to divide."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_divides, check_equal
from archdsl.ops.contract import Along, Context, Everywhere, OpFault, Reach
from archdsl.ops.reshape.patterns import Group, Layout, Pattern, fault, lay_out


def solve(layout: Layout, shape: tuple[Size, ...], given: Mapping[str, Size]) -> dict[str, Size]:
    """The size of every part of a layout that was checked before; at most one part of an axis is worked out by division."""
    sizes: dict[str, Size] = {**given, **layout.numbers}
    for parts, size in zip(layout.left, shape, strict=True):
        known: Size = 1
        for name in parts:
            known = known * sizes.get(name, 1)
        for name in parts:
            sizes.setdefault(name, size // known)
    return sizes


def check(
    context: Context, pattern: Pattern, x: TensorType, named: tuple[tuple[str, Size], ...]
) -> tuple[Layout, dict[str, Size]]:
    """The layout and sizes for this input.

    Raises `rank-mismatch`; `bad-pattern` where a size is missing; `bad-argument` where one is superfluous or below 1;
    `shape-mismatch` and `unproved-dimension` where an axis is not the product of its parts.
    """
    layout = lay_out(pattern, x.rank)
    given = dict(named)
    names = {word.text for side in (pattern.left, pattern.right) for group in side for word in group.words}
    for name, size in named:
        if name not in names:
            raise OpFault(f"`{name}` is not in the pattern", code="bad-argument", argument=name)
        if isinstance(size, int) and size < 1:
            raise OpFault(f"`{name}` must be at least 1; got {size}", code="bad-argument", argument=name)
    known = {**given, **layout.numbers}
    for axis, (parts, size) in enumerate(zip(layout.left, x.shape, strict=True)):
        _check_axis(context, pattern, parts, axis, size, known)
    for group in pattern.right:
        for word in group.words:
            if word.text not in given and word.number is None and not word.ellipsis and word.text not in layout.source:
                raise fault(f"the size of `{word.text}` is not given", word.start, word.end, f"give it: {word.text}=2")
    return layout, solve(layout, x.shape, given)


def _check_axis(
    context: Context, pattern: Pattern, parts: tuple[str, ...], axis: int, size: Size, known: Mapping[str, Size]
) -> None:
    """The axis is the product of its parts, or one part is what divides it exactly."""
    unknown = [name for name in parts if name not in known]
    product: Size = 1
    for name in parts:
        product = product * known.get(name, 1)
    said = _group(pattern, axis, parts)
    if len(unknown) > 1:
        word = next(word for word in said.words if word.text == unknown[1])
        raise fault(
            f"the sizes of `{unknown[0]}` and `{unknown[1]}` are both unknown", word.start, word.end, f"give one: {unknown[1]}=2"
        )
    text = pattern.text[said.start : said.end]
    place = (said.start, said.end)
    try:
        if not unknown:
            check_equal(context, size, product, f"axis {axis} is not `{text}`", operand=0, axis=axis, argument="pattern")
        elif len(parts) > 1:
            check_divides(context, product, size, f"axis {axis} as `{text}`", operand=0, axis=axis, argument="pattern")
    except OpFault as problem:
        problem.offset = place
        raise


def _group(pattern: Pattern, axis: int, parts: tuple[str, ...]) -> Group:
    """Where the axis stands in the text of the left side."""
    if parts and parts[0].startswith("..."):
        return next(group for group in pattern.left if group.words and group.words[0].ellipsis)
    dots = next((index for index, group in enumerate(pattern.left) if group.words and group.words[0].ellipsis), len(pattern.left))
    if axis < dots:
        return pattern.left[axis]
    names = [name.split("@")[0] for name in parts]
    later = [group for group in pattern.left[dots + 1 :] if [word.text for word in group.words] == names]
    return later[0] if later else pattern.left[-1]


def result(layout: Layout, sizes: Mapping[str, Size]) -> tuple[Size, ...]:
    """The shape of the right side."""
    shape: list[Size] = []
    for parts in layout.right:
        size: Size = 1
        for name in parts:
            size = size * sizes[name]
        shape.append(size)
    return tuple(shape)


def reach(layout: Layout, sizes: Mapping[str, Size], axis: int) -> Reach:
    """Where an axis of the input goes: known where its one part (of a size other than 1) is also all of an axis of the result."""
    parts = [name for name in layout.left[axis] if sizes[name] != 1]
    if parts and not set(parts) & set(layout.target):
        return Everywhere(symmetric=True)
    if len(parts) == 1:
        for index, group in enumerate(layout.right):
            if [name for name in group if sizes[name] != 1] == parts:
                return Along(index)
    return Everywhere()
