"""The steps of a rule from their tables in the map: `{ concatenate = 0 }`, `{ transpose = [1, 0] }`."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.weights.steps import Concatenate, Rearrange, Reorder, Split, Step, StepFault, Sum, Transpose

KEYS: Mapping[str, frozenset[str]] = {
    "concatenate": frozenset({"parts"}),
    "split": frozenset({"parts"}),
    "transpose": frozenset(),
    "reorder": frozenset({"axis"}),
    "rearrange": frozenset({"sizes"}),
    "sum": frozenset(),
}
"""Each step, and what its table may have beside it."""


def read_step(table: Mapping[str, object], count: int, targets: int, configuration: Mapping[str, object]) -> Step:
    """The step of a table, which is given `count` tensors, in a rule with so many `targets`. Raises `StepFault`."""
    verb = verb_of(table)
    value = table[verb]
    if verb in ("concatenate", "split"):
        parts = _parts(table.get("parts"), count if verb == "concatenate" else targets, configuration)
        return (Concatenate if verb == "concatenate" else Split)(parts, _axis(value))
    if verb == "transpose":
        return Transpose(_permutation(value, "transpose"))
    if verb == "reorder":
        return Reorder(_permutation(value, "reorder"), _axis(table.get("axis", 0)))
    if verb == "sum":
        if value is not True:
            raise StepFault("a sum is written `sum = true`")
        return Sum(count)
    return _rearrange(value, table.get("sizes", {}), configuration)


def verb_of(table: Mapping[str, object]) -> str:
    """The word that says what the step does. Raises `StepFault` where the table is none."""
    verbs = [one for one in table if one in KEYS]
    if len(verbs) != 1:
        raise StepFault(f"a step is one of {', '.join(KEYS)}")
    extra = set(table) - KEYS[verbs[0]] - {verbs[0]}
    if extra:
        raise StepFault(f"`{verbs[0]}` does not take `{sorted(extra)[0]}`")
    return verbs[0]


def _axis(value: object) -> int:
    if type(value) is not int or not -8 <= value < 8:
        raise StepFault("an axis is a whole number")
    return value


def _permutation(value: object, verb: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not value or any(type(one) is not int for one in value):
        raise StepFault(f"`{verb}` is a list of numbers from 0")
    if sorted(value) != list(range(len(value))):
        raise StepFault(f"`{verb}` has each of 0 to {len(value) - 1} once")
    return tuple(value)


def _parts(value: object, count: int, configuration: Mapping[str, object]) -> tuple[int, ...]:
    if value is None:
        return (1,) * count
    if not isinstance(value, list) or len(value) != count:
        raise StepFault(f"`parts` is a list of {count}: how large the tensors are, in proportion")
    return tuple(_number(one, configuration) for one in value)


def _number(value: object, configuration: Mapping[str, object]) -> int:
    """A size: a number from 1, or the name of a configuration parameter that is one."""
    if isinstance(value, str):
        if value not in configuration:
            raise StepFault(f"the architecture has no configuration parameter `{value}`")
        value = configuration[value]
    if type(value) is not int or not 1 <= value < 1 << 31:
        raise StepFault(f"a size is a whole number from 1, or the name of a configuration parameter; not {value!r}")
    return value


def _rearrange(pattern: object, sizes: object, configuration: Mapping[str, object]) -> Rearrange:
    from archdsl.ops.contract import OpFault
    from archdsl.ops.reshape.patterns import read

    if not isinstance(pattern, str) or not isinstance(sizes, dict):
        raise StepFault('`rearrange` is a pattern "left -> right", its `sizes` a table')
    try:
        made = read(pattern, "rearrange")
    except OpFault as fault:
        raise StepFault(f"{pattern!r}: {fault}") from None
    for group in (*made.left, *made.right):  # the way back must be as clear as the way there
        unknown = [word.text for word in group.words if word.number is None and word.text not in sizes]
        if len(unknown) > 1:
            raise StepFault(f"{pattern!r}: say how large `{unknown[0]}` or `{unknown[1]}` is: sizes = {{ {unknown[0]} = 2 }}")
    return Rearrange(made, tuple((name, _number(one, configuration)) for name, one in sizes.items()))
