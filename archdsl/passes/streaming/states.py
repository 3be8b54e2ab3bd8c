"""What a value of the whole model is in one step of it."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.value import Value
from archdsl.passes.streaming.streaming_problems import CannotStream
from archdsl.records import record


@record
class Fixed:
    """The same in every step."""

    value: Value


@record
class Now:
    """What the model would give were this step the last: the final value of a carry, the last position of a sequence."""

    value: Value


@record
class Lost:
    """No step can tell it. It is a problem where an output needs it."""

    problem: CannotStream


class Sequence:
    """One position of a sequence: without the axis of the steps (`step`), or with it at size 1 (`kept`); made when asked for.

    Step t has the element at index t + `lead`; `prefix` are the `lead` elements before, where they are known (the axis of the
    steps has that size). In all it has `more` elements more than there are steps. `type` is that of all elements, `axis` that of
    the steps.
    """

    def __init__(
        self,
        type: TensorType,
        axis: int,
        *,
        step: Value | None = None,
        kept: Value | None = None,
        lead: int = 0,
        more: int = 0,
        prefix: Value | None = None,
    ) -> None:
        self.type = type
        self.axis = axis
        self.step = step
        self.kept = kept
        self.lead = lead
        self.more = more
        self.prefix = prefix
        self.later: dict[int, State] = {}
        """The same with a smaller lead, by that."""

    @property
    def step_type(self) -> TensorType:
        """The type of one element without the axis."""
        return reduced(self.type, self.axis)

    @property
    def kept_type(self) -> TensorType:
        """The type of one element with the axis."""
        return resized(self.type, self.axis, 1)

    @property
    def plain(self) -> bool:
        """Whether it has an element for each step, and nothing else."""
        return self.lead == 0 and self.more == 0


State = Fixed | Now | Sequence | Lost


def resized(type: TensorType, axis: int, size: int) -> TensorType:
    """The type with another size of one axis."""
    return TensorType((*type.shape[:axis], size, *type.shape[axis + 1 :]), type.dtype)


def reduced(type: TensorType, axis: int) -> TensorType:
    """The type without an axis."""
    return TensorType((*type.shape[:axis], *type.shape[axis + 1 :]), type.dtype)
