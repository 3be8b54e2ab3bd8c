"""The steps that carry out an einops layout (split, reduce, permute, widen, merge), and both targets' words for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.dims.dim import Size
from archdsl.ops.contract import Code, OnnxTape, TorchTape
from archdsl.ops.reshape.patterns import Layout
from archdsl.records import record

Parts = tuple[str, ...]
TORCH_NAMES = {"max": "amax", "min": "amin"}
"""Reductions whose method has another name where several axes may be given."""


@record
class Step:
    """One step: `drop split reduce permute merge widen stretch insert`. `after` is each axis by its parts, then."""

    kind: str
    axes: tuple[int, ...]
    after: tuple[Parts, ...]


def plan(layout: Layout) -> list[Step]:
    """The steps from the left side to the right. Parts that stay together move as one axis; an identity gives no step."""
    kept, target = set(layout.target), layout.target
    steps: list[Step] = []
    axes = list(layout.left)

    def take(kind: str, at: tuple[int, ...], after: list[Parts]) -> None:
        axes[:] = after
        steps.append(Step(kind, at, tuple(after)))

    empty = tuple(index for index, parts in enumerate(axes) if not parts)
    if empty:
        take("drop", empty, [parts for parts in axes if parts])
    for index in reversed(range(len(axes))):
        if len(axes[index]) > 1 and not _moves_whole(axes[index], layout, kept):
            take("split", (index,), [*axes[:index], *((name,) for name in axes[index]), *axes[index + 1 :]])
    gone = tuple(index for index, parts in enumerate(axes) if not kept.intersection(parts))
    if gone:
        take("reduce", gone, [parts for parts in axes if kept.intersection(parts)])
    for group in layout.right:
        start = next((index for index, parts in enumerate(axes) if group and parts == group[:1]), None)
        if len(group) > 1 and start is not None and axes[start : start + len(group)] == [(name,) for name in group]:
            take("merge", (start, start + len(group) - 1), [*axes[:start], group, *axes[start + len(group) :]])
    order = sorted(range(len(axes)), key=lambda index: target.index(axes[index][0]))
    if order != list(range(len(axes))):
        take("permute", tuple(order), [axes[index] for index in order])
    for index in reversed(range(len(axes))):
        if len(axes[index]) > 1 and axes[index] not in layout.right:
            take("split", (index,), [*axes[:index], *((name,) for name in axes[index]), *axes[index + 1 :]])
    present = {name for parts in axes for name in parts}
    if new := [name for name in target if name not in present]:
        after = list(axes)
        for name in target:
            if name in new:
                later = set(target[target.index(name) :])
                after.insert(next((i for i, parts in enumerate(after) if parts[0] in later), len(after)), (name,))
        take("widen", tuple(after.index((name,)) for name in new), after)
    for group in layout.right:
        if len(group) > 1 and group not in axes:
            start = axes.index(group[:1])
            take("merge", (start, start + len(group) - 1), [*axes[:start], group, *axes[start + len(group) :]])
    if [step.kind for step in steps[:2]] == ["drop", "widen"] and steps[0].axes == steps[1].axes:
        # an axis of size 1 that is to be longer need not go and come back
        steps[:2] = [Step("stretch", steps[1].axes, steps[1].after)]
    ones = tuple(index for index, parts in enumerate(layout.right) if not parts)
    if ones:
        take("insert", ones, list(layout.right))
    return steps


def _moves_whole(parts: Parts, layout: Layout, kept: set[str]) -> bool:
    """Whether a composed axis need not be split before the axes are permuted."""
    if parts in layout.right or not kept.intersection(parts):
        return True
    singles = [(name,) for name in parts]
    right = list(layout.right)
    return any(right[start : start + len(parts)] == singles for start in range(len(right)))


def write_torch(tape: TorchTape, x: Code, layout: Layout, given: Mapping[str, Any], reduction: str = "") -> Code:
    """The chain of methods on `x`. `given` are the sizes that the author gave, by name; PyTorch works out the others (-1)."""
    code = str(x)
    before = layout.left
    for step in plan(layout):
        code += _torch_step(tape, step, len(before), {**given, **layout.numbers}, reduction)
        before = step.after
    return Code(code)


def _torch_step(tape: TorchTape, step: Step, rank: int, given: Mapping[str, Any], reduction: str) -> str:
    at = step.axes
    one_or_all = at[0] if len(at) == 1 else at
    if step.kind == "drop":
        return f".squeeze({one_or_all})"
    if step.kind == "split":
        count = len(step.after) - rank + 1
        sizes = tuple(given.get(parts[0], -1) for parts in step.after[at[0] : at[0] + count])
        axis = -1 if at[0] == rank - 1 else at[0]
        return f".unflatten({axis}, {tape.value(sizes)})"
    if step.kind == "permute":
        moved = [index for index, old in enumerate(at) if index != old]
        return f".transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f".permute({', '.join(map(str, at))})"
    if step.kind == "merge":
        return f".flatten({at[0]})" if at[1] == rank - 1 else f".flatten({at[0]}, {at[1]})"
    if step.kind == "reduce":
        if reduction == "prod":
            return "".join(f".prod({axis})" for axis in reversed(at))
        return f".{TORCH_NAMES.get(reduction, reduction)}({one_or_all})"
    inserted = (
        f".unsqueeze({at[0]})" if len(at) == 1 else f"[{', '.join('None' if i in at else ':' for i in range(max(at) + 1))}]"
    )
    if step.kind == "insert":
        return inserted
    sizes = tuple(given[parts[0]] if index in at else -1 for index, parts in enumerate(step.after))
    return f"{'' if step.kind == 'stretch' else inserted}.expand({', '.join(tape.value(size) for size in sizes)})"


def write_onnx(tape: OnnxTape, x: str, layout: Layout, sizes: Mapping[str, Size], reduction: str = "") -> str:
    """The nodes. `sizes` are those of all parts."""
    before = layout.left

    def extent(parts: Parts) -> Size:
        total: Size = 1
        for name in parts:
            total = total * sizes[name]
        return total

    for step in plan(layout):
        if step.kind in ("drop", "insert"):
            x = tape.node("Squeeze" if step.kind == "drop" else "Unsqueeze", [x, tape.ints(list(step.axes))])
        elif step.kind in ("split", "merge"):
            x = reshape_onnx(tape, x, tuple(map(extent, before)), tuple(map(extent, step.after)))
        elif step.kind == "permute":
            x = tape.node("Transpose", [x], perm=list(step.axes))
        elif step.kind == "reduce":
            x = tape.node(f"Reduce{reduction.capitalize()}", [x, tape.ints(list(step.axes))], keepdims=0)
        else:
            if step.kind == "widen":
                x = tape.node("Unsqueeze", [x, tape.ints(sorted(step.axes))])
            x = tape.node(
                "Expand", [x, tape.shape([extent(parts) if i in step.axes else 1 for i, parts in enumerate(step.after)])]
            )
        before = step.after
    return x


def reshape_onnx(tape: OnnxTape, x: str, old: tuple[Size, ...], new: tuple[Size, ...]) -> str:
    """Reshape with a constant shape where that can be said: 0 copies a leading axis, one -1 is worked out."""
    lead = 0
    while lead < min(len(old), len(new)) and old[lead] == new[lead]:
        lead += 1
    wanted: list[Size] = [size if isinstance(size, int) else 0 for size in new[:lead]]
    wanted += new[lead:]
    open_axes = [index for index, size in enumerate(wanted) if not isinstance(size, int)]
    if len(open_axes) == 1:
        wanted[open_axes[0]] = -1
        open_axes = []
    if open_axes:
        return tape.node("Reshape", [x, tape.shape(list(new))])
    return tape.node("Reshape", [x, tape.ints([size for size in wanted if isinstance(size, int)])])
