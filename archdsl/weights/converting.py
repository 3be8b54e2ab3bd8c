"""A conversion carried out: what the map claims of the values is checked, then each tensor is made when it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.files.tensors import BITS, Held, Made
from archdsl.problems.collector import Problems
from archdsl.records import record
from archdsl.source import Span
from archdsl.weights.maps import Drop, Fill, WeightMap
from archdsl.weights.own import Own, OwnTensor
from archdsl.weights.planning import Move, Plan, plan
from archdsl.weights.problems import WeightsDoNotFit, WeightsNotAsClaimed
from archdsl.weights.steps import Apart, Sum

_NUMPY = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "I32": "<i4", "U32": "<u4", "F32": "<f4",
    "F64": "<f8", "I64": "<i8", "U64": "<u8", "C64": "<c8",
}  # fmt: skip


@record
class Converted:
    """The tensors to be written, in order, and what a person should know: what was left out, made up, or cannot return."""

    tensors: Mapping[str, Made]
    notes: tuple[str, ...]


def convert(map: WeightMap, own: Own, given: Mapping[str, Held], file: str, backwards: bool = False) -> Converted:
    """The given tensors in the other layout: the reference's in the spec's, or `backwards`.

    Raises `ArchError`: `weights-do-not-fit`, `weights-not-as-claimed`, `bad-weight-map`. No element changes, except where biases
    are summed.
    """
    if backwards:
        given = _with_aliases(own, given)
    decided = plan(map, own, given, file, backwards)
    made = {name: one for move in decided.moves for name, one in _made(move, given).items()}
    if backwards:
        return Converted(made, _backwards_notes(map, own, decided, given, made))
    problems = Problems()
    _check_drops(decided, given, problems)
    made |= {name: _filled(rule, own.tensors[name], own, name) for name, rule in decided.filled}
    _check_groups(own, made, problems, decided)
    problems.raise_errors()
    for name in own.tensors:
        if name not in made:
            made[name] = next(made[one] for one in own.group(name) if one in made)
    return Converted({name: made[name] for name in own.tensors}, _forwards_notes(decided))


def elements(one: Held) -> Any:
    """A tensor's raw elements as a numpy array of unsigned numbers of their width."""
    import numpy as np

    return np.frombuffer(one.data, np.dtype(f"<u{BITS[one.dtype] // 8}")).reshape(one.shape)


def values(one: Held) -> Any:
    """A tensor's values as a numpy array: bfloat16 as float32, NaN for other types that numpy lacks, which so equal nothing."""
    import numpy as np

    if one.dtype == "BF16":
        return (elements(one).astype("<u4") << 16).view("<f4")
    if one.dtype not in _NUMPY:
        return np.full(one.shape, np.nan)
    return np.frombuffer(one.data, np.dtype(_NUMPY[one.dtype])).reshape(one.shape)


def _made(move: Move, given: Mapping[str, Held]) -> dict[str, Made]:
    """The tensors of a move, each computed when it is asked for."""

    def make(index: int) -> Callable[[], memoryview | bytes]:
        def data() -> memoryview | bytes:
            if not move.steps:
                return given[move.sources[index]].data
            arrays = [elements(given[one]) for one in move.sources]
            for step in move.steps:
                arrays = step.run(arrays, move.dtype)
            return bytes(arrays[index].tobytes())

        return data

    return {
        name: Made(move.dtype, shape, make(index))
        for index, (name, shape) in enumerate(zip(move.targets, move.shapes, strict=True))
    }


def _filled(rule: Fill, tensor: OwnTensor, own: Own, name: str) -> Made:
    """An own tensor that the reference does not have."""

    def data() -> bytes:
        import numpy as np

        if rule.value is None:
            return bytes(np.ascontiguousarray(own.buffers()[name]).tobytes())
        return bytes(np.full(tensor.shape, rule.value, _NUMPY[tensor.dtype]).tobytes())

    return Made(tensor.dtype, tensor.shape, data)


def _check_drops(decided: Plan, given: Mapping[str, Held], problems: Problems) -> None:
    """What is dropped is what the map says of it; learned numbers that no claim covers are not dropped in silence."""
    for name, rule, captures in decided.dropped:
        if given[name].kind in ("float", "complex") and rule.equals is None and rule.value is None and not rule.output:
            why = f"`{name}` has learned numbers; without them the function may be another"
            help = 'say what they are: equals = "other.name", value = 0, or output = "…", a result that the spec does not have'
            problems.add(WeightsDoNotFit(at=rule.at, why=why, help=help))
        if rule.equals is not None:
            other = rule.equals.make(captures)
            if other not in given or not same(given[name], given[other]):
                _claim(problems, rule.at, f"`{name}` is dropped as a copy of `{other}`, and differs from it")
        if rule.value is not None and not _is_so(values(given[name]), rule.value):
            told = "the causal mask" if rule.value == "causal" else f"{rule.value} everywhere"
            _claim(problems, rule.at, f"`{name}` is dropped since it is {told}, and it is not")


def _is_so(found: Any, value: int | float | str) -> bool:
    """Whether a tensor is this number everywhere; for `causal`, one on and below the diagonal of its last axes, else zero."""
    import numpy as np

    if value != "causal":
        return bool((found == value).all())
    return found.ndim >= 2 and bool((found == np.tril(np.ones(found.shape[-2:]))).all())


def _check_groups(own: Own, made: Mapping[str, Made], problems: Problems, decided: Plan) -> None:
    """Names of one tensor that are filled several times get the same values."""
    places = {name: move.at for move in decided.moves for name in move.targets}
    for group in own.groups:
        filled = [name for name in group if name in made]
        for other in filled[1:]:
            one, two = made[filled[0]], made[other]
            if (one.dtype, one.shape) != (two.dtype, two.shape) or bytes(one.make()) != bytes(two.make()):
                _claim(problems, places.get(other) or decided.moves[0].at,
                       f"`{filled[0]}` and `{other}` are one tensor in {own.name}, and two in the file")  # fmt: skip


def same(one: Held, two: Held) -> bool:
    """Whether two tensors are equal bit for bit."""
    return (one.dtype, one.shape) == (two.dtype, two.shape) and one.data == two.data


def _with_aliases(own: Own, given: Mapping[str, Held]) -> dict[str, Held]:
    """A file may have a tied tensor under one of its names; here under all."""
    found = dict(given)
    for group in own.groups:
        here = [name for name in group if name in given]
        found |= {name: given[here[0]] for name in group if here and name not in given}
    return found


def _backwards_notes(
    map: WeightMap, own: Own, decided: Plan, given: Mapping[str, Held], made: dict[str, Made]
) -> tuple[str, ...]:
    """Checks what was filled, makes what was dropped as a copy, and tells what cannot return."""
    problems = Problems()
    for name, rule in decided.filled:
        wanted = rule.value if rule.value is not None else own.buffers()[name]
        if not bool((values(given[name]) == wanted).all()):
            told = "as the spec makes it" if rule.value is None else f"{rule.value} everywhere"
            _claim(problems, rule.at, f"`{name}` cannot go back: the other layout has it only where it is {told}, and it is not")
    for group in own.groups:
        first, *others = [name for name in group if name in given]
        for other in others:
            if not same(given[first], given[other]):
                _claim(problems, map.rules[0].at, f"`{first}` and `{other}` are one tensor in {own.name}, and differ here")
    problems.raise_errors()
    notes = []
    for drop in map.drops:
        if not _copies(drop, made):
            notes.append(f"`{drop.name.pattern.text}` cannot return: it was left out ({drop.because})")
    for move in decided.moves:
        if any(isinstance(step, Apart) for step in move.steps):
            notes.append(f"`{move.targets[0]}` has the whole sum, {', '.join(f'`{one}`' for one in move.targets[1:])} zeros")
    return tuple(notes)


def _copies(drop: Drop, made: dict[str, Made]) -> int:
    """Brings back the tensors that were dropped as copies; how many."""
    if drop.equals is None or drop.name.pattern.names - drop.equals.pattern.names:
        return 0
    found = [(name, captures) for name in made if (captures := drop.equals.match(name)) is not None]
    made.update((drop.name.make(captures), made[name]) for name, captures in found)
    return len(found)


def _forwards_notes(decided: Plan) -> tuple[str, ...]:
    notes: dict[tuple[str, str], list[str]] = {}
    for name, drop, _ in decided.dropped:
        told = f"left out with the output {drop.output}" if drop.output else "left out"
        notes.setdefault((told, drop.because), []).append(name)
    for name, fill in decided.filled:
        told = "made by the spec" if fill.value is None else f"set to {fill.value}"
        notes.setdefault((told, fill.because), []).append(name)
    lines = [
        f"{what}: `{names[0]}`{f' and {len(names) - 1} more' if len(names) > 1 else ''} ({why})"
        for (what, why), names in notes.items()
    ]
    summed = [move.targets[0] for move in decided.moves if any(isinstance(step, Sum) for step in move.steps)]
    if summed:
        lines.append(f"summed: `{summed[0]}`{f' and {len(summed) - 1} more' if len(summed) > 1 else ''}; the parts cannot return")
    return tuple(lines)


def _claim(problems: Problems, at: Span, why: str) -> None:
    problems.add(WeightsNotAsClaimed(at=at, why=why))
