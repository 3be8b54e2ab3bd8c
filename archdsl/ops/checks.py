"""Guards that shape rules share: each returns what it checked, or raises `OpFault` with the right code."""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeVar

from archdsl.dims.dim import Size
from archdsl.dims.dtype import keeping
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import INFERRED, Context, Op, OpFault

OpType = TypeVar("OpType", bound=Op)

INTEGERS = ("i64", "i32", "i16", "i8", "u8")
FLOATS = ("float", "f64", "f32", "f16", "bf16")


def given(x: TensorType | None, name: str = "x") -> TensorType:
    """The type of an input that cannot be absent. Raises `absent-input`."""
    if x is None:
        raise OpFault(f"`{name}` must be given", code="absent-input")
    return x


def check_rank(x: TensorType, low: int, high: int | None = -1, *, operand: int = 0, wants: str = "") -> TensorType:
    """`x` has `low` to `high` axes; exactly `low` without `high`, at least `low` where it is None. Raises `rank-mismatch`.

    `wants` pictures what is wanted, such as `[N, C, H, W]`.
    """
    top = low if high == -1 else high
    rank = len(x.shape)
    if rank < low or (top is not None and rank > top):
        picture = f", as {wants}" if wants else ""
        raise OpFault(f"wants {_axes(low, top)}{picture}; got {x}", code="rank-mismatch", operand=operand)
    return x


def _axes(low: int, high: int | None) -> str:
    if high is None:
        return f"at least {low} {'axis' if low == 1 else 'axes'}"
    return f"{low} {'axis' if low == 1 else 'axes'}" if low == high else f"{low} to {high} axes"


def check_axis(axis: int, rank: int, *, operand: int = 0, argument: str = "axis") -> int:
    """The axis counted from 0, for `-rank <= axis < rank`. Raises `axis-out-of-range`."""
    if not -rank <= axis < rank:
        there = f"a tensor of {rank} {'axis' if rank == 1 else 'axes'}" if rank else "a tensor without axes"
        raise OpFault(f"there is no axis {axis} in {there}", code="axis-out-of-range", operand=operand, argument=argument)
    return axis % rank


def check_axes(axes: tuple[int, ...], rank: int, *, operand: int = 0, argument: str = "axis") -> tuple[int, ...]:
    """Axes counted from 0, in the order given. Raises `axis-out-of-range`, and `bad-argument` where one comes twice."""
    found = tuple(check_axis(one, rank, operand=operand, argument=argument) for one in axes)
    if len(set(found)) < len(found):
        raise OpFault(f"an axis comes twice in {list(axes)}", code="bad-argument", argument=argument)
    return found


def check_equal(
    context: Context, left: Size, right: Size, message: str = "", *, operand: int | None = None, axis: int | None = None,
    other: int | None = None, argument: str | None = None, code: str = "shape-mismatch",
) -> None:  # fmt: skip
    """The two sizes are proved equal. Raises `code` where they are not, `unproved-dimension` where it depends on symbols.

    `message` says what disagrees; both sizes are added to it. Symbols that no fact ties together count as unequal.
    """
    facts = context.facts
    if facts.equal(left, right):
        return
    text = f"{message}: {left} and {right}" if message else f"{left} is not {right}"
    missing = facts.missing_equal(left, right)
    found = "unproved-dimension" if missing else code
    raise OpFault(text, code=found, operand=operand, axis=axis, other=other, argument=argument, missing=missing)


def check_divides(
    context: Context, divisor: Size, size: Size, message: str = "", *, operand: int | None = None, axis: int | None = None,
    argument: str | None = None, code: str = "shape-mismatch",
) -> Size:  # fmt: skip
    """`divisor` is proved to divide `size`; returns the quotient. Raises `code` or `unproved-dimension`."""
    facts = context.facts
    if facts.divides(divisor, size):
        return size // divisor
    missing = facts.missing_divides(divisor, size)
    said = f"cannot prove that {divisor} divides {size}" if missing else f"{divisor} does not divide {size}"
    text = f"{message}: {said}" if message else said
    found = "unproved-dimension" if missing else code
    raise OpFault(text, code=found, operand=operand, axis=axis, argument=argument, missing=missing)


def check_size_at_least(
    context: Context, size: Size, low: Size, message: str = "", *, operand: int | None = None, axis: int | None = None,
    argument: str | None = None, code: str = "shape-mismatch",
) -> Size:  # fmt: skip
    """`size >= low` is proved; returns `size`. Raises `code`, or `unproved-dimension` where it depends on symbols.

    For a size that merely comes out (a convolution's result) nothing is to be checked: that it is at least 1 is seen at the door.
    """
    facts = context.facts
    if facts.at_least(size, low):
        return size
    missing = facts.missing_at_least(size, low)
    said = f"cannot prove {size} >= {low}" if missing else f"{size} is less than {low}"
    text = f"{message}: {said}" if message else said
    found = "unproved-dimension" if missing else code
    raise OpFault(text, code=found, operand=operand, axis=axis, argument=argument, missing=missing)


def check_least(value: Any, low: int | float, argument: str) -> None:
    """A configuration number, or each of a tuple of them, is at least `low`; symbolic sizes pass. Raises `bad-argument`."""
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, (int, float)) and not one >= low:
            raise OpFault(f"`{argument}` must be at least {low}; got {_said(value)}", code="bad-argument", argument=argument)


def check_positive(value: float, argument: str) -> None:
    """A configuration number is finite and above 0: `eps`, `std`. Raises `bad-argument`."""
    if not (isfinite(value) and value > 0):
        raise OpFault(f"`{argument}` must be a number above 0; got {value}", code="bad-argument", argument=argument)


def check_finite(value: float, argument: str) -> None:
    """A configuration number is neither infinite nor NaN. Raises `bad-argument`."""
    if not isfinite(value):
        raise OpFault(f"`{argument}` must be finite; got {value}", code="bad-argument", argument=argument)


def check_probability(value: float, argument: str = "p") -> None:
    """A configuration number is within 0 and 1. Raises `bad-argument`."""
    if not 0 <= value <= 1:
        raise OpFault(f"`{argument}` must be within 0 and 1; got {value}", code="bad-argument", argument=argument)


def check_dtype(
    x: TensorType, dtypes: tuple[str, ...], *, operand: int = 0, wants: str = "", help: str | None = None
) -> TensorType:  # fmt: skip
    """`x` has one of these dtypes (`INTEGERS` and `FLOATS` here are such tuples). Raises `dtype-mismatch`."""
    if x.dtype not in dtypes:
        wanted = wants or " or ".join(dtypes)
        raise OpFault(f"wants {wanted}; got {x}", code="dtype-mismatch", operand=operand, help=help)
    return x


def check_same_dtype(*inputs: TensorType | None) -> str:
    """All inputs that are given have one dtype, which is returned: nothing is promoted. Raises `dtype-mismatch`."""
    first = -1
    for index, one in enumerate(inputs):
        if one is None:
            continue
        if first < 0:
            first = index
            continue
        before = inputs[first]
        if before is not None and one.dtype != before.dtype:
            raise OpFault(f"dtypes differ: {before} and {one}", code="dtype-mismatch", operand=index, other=first,
                          help=f"convert one: cast(x, {keeping(before.dtype, one.dtype)})")  # fmt: skip
    found = inputs[first]
    if found is None:
        raise OpFault("no tensor was given", code="absent-input")
    return found.dtype


def each(value: Any, count: int, argument: str) -> tuple[Any, ...]:
    """`3` for every one of `count` axes, or a tuple with one entry for each. Raises `bad-argument`."""
    if not isinstance(value, tuple):
        return (value,) * count
    if len(value) != count:
        raise OpFault(f"`{argument}` wants one number, or {count}; got {_said(value)}", code="bad-argument", argument=argument)
    return value


def _said(value: Any) -> str:
    """A configuration value as the language writes it."""
    return f"[{', '.join(str(one) for one in value)}]" if isinstance(value, tuple) else str(value)


def fill(context: Context, op: OpType, argument: str, size: Size, *, axis: int, operand: int = 0) -> OpType:
    """`op` with its inferred `argument` known to be `size`, from that axis of that operand; one given by name is checked.

    Raises `shape-mismatch` or `unproved-dimension` where the one given is another.
    """
    said = getattr(op, argument)
    if said is INFERRED:
        return op.changed(**{argument: size})
    check_equal(context, size, said, f"axis {axis} is not `{argument}`", operand=operand, axis=axis, argument=argument)
    return op
