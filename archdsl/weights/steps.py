"""The steps of a rule: elements get other places, never other values; and each step backwards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import OpFault
from archdsl.ops.reshape.patterns import Layout, Pattern, lay_out
from archdsl.ops.reshape.solve import solve
from archdsl.records import record

Shape = tuple[int, ...]
FLOATS: Mapping[str, str] = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
"""The types that are added up, and numpy's name of each."""


class StepFault(ValueError):
    """Tensors that a step cannot take."""


class Step:
    """One step. `shapes` tells what becomes of shapes, or raises `StepFault`; `run` does it to arrays of raw elements."""

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        raise TypeError(type(self).__name__)

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        raise TypeError(type(self).__name__)

    def backwards(self) -> Step:
        """The step that undoes this one."""
        raise TypeError(type(self).__name__)


@record
class Transpose(Step):
    """The axes of each tensor in another order: axis i of the result is axis `axes[i]` of the tensor."""

    axes: tuple[int, ...]

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        for one in shapes:
            if len(one) != len(self.axes):
                raise StepFault(f"transpose has {len(self.axes)} axes and the tensor {len(one)}")
        return [tuple(one[axis] for axis in self.axes) for one in shapes]

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        return [one.transpose(self.axes) for one in arrays]

    def backwards(self) -> Step:
        return Transpose(tuple(self.axes.index(axis) for axis in range(len(self.axes))))


@record
class Reorder(Step):
    """Equal blocks along an axis in another order, as gates are: block i of the result is block `blocks[i]` of the tensor."""

    blocks: tuple[int, ...]
    axis: int = 0

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        for one in shapes:
            _size(one, self.axis, len(self.blocks))
        return list(shapes)

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        import numpy as np

        return [
            np.concatenate([parts[block] for block in self.blocks], self.axis)
            for parts in (np.split(one, len(self.blocks), self.axis) for one in arrays)
        ]

    def backwards(self) -> Step:
        return Reorder(tuple(self.blocks.index(block) for block in range(len(self.blocks))), self.axis)


@record
class Rearrange(Step):
    """An einops pattern, as the language's `rearrange`: axes moved, split and merged."""

    pattern: Pattern
    sizes: tuple[tuple[str, int], ...] = ()

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        return [self._sizes(one)[1] for one in shapes]

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        made = []
        for one in arrays:
            layout, shape, sizes = self._sizes(one.shape)
            whole = one.reshape([sizes[name] for name in layout.source])
            made.append(whole.transpose([layout.source.index(name) for name in layout.target]).reshape(shape))
        return made

    def backwards(self) -> Step:
        left, _, right = self.pattern.text.partition("->")
        return Rearrange(Pattern(f"{right.strip()} -> {left.strip()}", self.pattern.right, self.pattern.left), self.sizes)

    def _sizes(self, shape: Shape) -> Any:
        """The layout for this shape, the resulting shape, the size of each part."""
        try:
            layout: Layout = lay_out(self.pattern, len(shape))
            solved = solve(layout, TensorType(shape, "float").shape, dict(self.sizes))
        except OpFault as fault:
            raise StepFault(str(fault)) from None
        sizes = {name: int(size) for name, size in solved.items() if not isinstance(size, Dim)}
        for axis, size in zip(layout.left, shape, strict=True):
            if math.prod(sizes.get(name, 0) for name in axis) != size:
                raise StepFault(f"an axis of {size} is not `{' '.join(axis) or 1}`")
        return layout, tuple(math.prod(sizes[name] for name in axis) for axis in layout.right), sizes


@record
class Concatenate(Step):
    """All tensors in one, along an axis. `parts` are their sizes on it, in proportion: what `backwards` cuts by."""

    parts: tuple[int, ...]
    axis: int = 0

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if len(shapes) != len(self.parts):
            raise StepFault(f"concatenate joins {len(self.parts)} tensors, here are {len(shapes)}")
        whole = [*shapes[0]]
        if not -len(whole) <= self.axis < len(whole):
            raise StepFault(f"a tensor {list(shapes[0])} has no axis {self.axis}")
        whole[self.axis] = sum(one[self.axis] if len(one) == len(whole) else 0 for one in shapes)
        cut = Split(self.parts, self.axis).shapes([tuple(whole)])
        if cut != list(shapes):
            told = ", ".join(str(list(one)) for one in shapes)
            raise StepFault(f"the tensors {told} are not parts {' : '.join(map(str, self.parts))} of one, along axis {self.axis}")
        return [tuple(whole)]

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        import numpy as np

        return [np.concatenate(arrays, self.axis)]

    def backwards(self) -> Step:
        return Split(self.parts, self.axis)


@record
class Split(Step):
    """One tensor in several, along an axis, in proportion to `parts`."""

    parts: tuple[int, ...]
    axis: int = 0

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if len(shapes) != 1:
            raise StepFault(f"split takes one tensor, here are {len(shapes)}")
        unit = _size(shapes[0], self.axis, sum(self.parts))
        made = []
        for part in self.parts:
            shape = [*shapes[0]]
            shape[self.axis] = unit * part
            made.append(tuple(shape))
        return made

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        import numpy as np

        unit = arrays[0].shape[self.axis] // sum(self.parts)
        ends = [unit * sum(self.parts[: index + 1]) for index in range(len(self.parts) - 1)]
        return list(np.split(arrays[0], ends, self.axis))

    def backwards(self) -> Step:
        return Concatenate(self.parts, self.axis)


@record
class Sum(Step):
    """Biases that are always added to each other, as one. Backwards all of it goes into the first, and the others are zero."""

    count: int

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if len(set(shapes)) != 1 or len(shapes) != self.count or len(shapes[0]) != 1:
            raise StepFault(f"only biases of one length are summed, not {', '.join(str(list(one)) for one in shapes)}")
        return [shapes[0]]

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        total = arrays[0].view(FLOATS[dtype])
        for one in arrays[1:]:
            total = total + one.view(FLOATS[dtype])
        return [total.view(arrays[0].dtype)]

    def backwards(self) -> Step:
        return Apart(self.count)


@record
class Apart(Step):
    """A bias as the first of several that are added up."""

    count: int

    def shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        return list(shapes) * self.count

    def run(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        import numpy as np

        return [arrays[0], *(np.zeros_like(arrays[0]) for _ in range(self.count - 1))]

    def backwards(self) -> Step:
        return Sum(self.count)


def _size(shape: Shape, axis: int, parts: int) -> int:
    """The size of each of so many equal parts of an axis. Raises `StepFault`."""
    if not -len(shape) <= axis < len(shape):
        raise StepFault(f"a tensor {list(shape)} has no axis {axis}")
    size, left = divmod(shape[axis], parts)
    if left:
        raise StepFault(f"axis {axis} of {list(shape)} is not {parts} equal parts")
    return size
