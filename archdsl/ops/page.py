"""What a person reads about an operator, made of what it says of itself: signature, arguments, examples."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc
from json import dumps
from math import isinf
from typing import Any

from archdsl.ops.contract import INFERRED, REQUIRED, Example, Field, Op


def summary(one: type[Op]) -> str:
    """The first line of its page."""
    return (getdoc(one) or "").split("\n", 1)[0]


def signature(one: type[Op]) -> str:
    """`Conv2d(out_channels, kernel_size, *, stride=1, …)`: what stands behind `*` in a layer is given by name, a function takes
    its tensors first. Sizes that the compiler infers are left out."""
    many = (one.variadic, one.keywords)
    shown = [field for field in one.fields.values() if field.default is not INFERRED and field.name not in many]
    said = [_parameter(field) for field in shown if field.positional or not one.layer]
    named = [_parameter(field) for field in shown if not field.positional and one.layer]
    rest = [f"{one.variadic}…"] if one.variadic else []
    more = [f"{one.keywords}=…"] if one.keywords else []
    if one.layer:
        return f"{one.name}({', '.join([*said, *(['*'] if named else []), *named])})"
    return f"{one.name}({', '.join([*map(_tensor, one.tensors), *rest, *said, *more])})"


def _tensor(name: str) -> str:
    if name.startswith("*"):
        return name[1:] + "…"
    return name[:-1] + "=none" if name.endswith("?") else name


def arguments(one: type[Op]) -> Iterator[tuple[str, str, str]]:
    """Name, what may be given with its default, and meaning of each argument."""
    for field in one.fields.values():
        kind = " ".join(field.choices) if field.choices else field.kind
        default = default_of(field)
        if default is not None:
            kind += ", inferred" if field.default is INFERRED else f" = {default}"
        yield field.name, kind, meaning(field)


def meaning(field: Field) -> str:
    """What an argument says, as a phrase: a capital letter and no full stop."""
    return field.doc[:1].upper() + field.doc[1:].rstrip(".")


def default_of(field: Field) -> str | None:
    """A default as the language writes it, `inferred`, or None where there is none."""
    if field.default is REQUIRED:
        return None
    return "inferred" if field.default is INFERRED else _argument(field, field.default)


def examples(one: type[Op]) -> Iterator[tuple[str, str, str]]:
    """Each example as a step of the language, the types that it takes and gives, and a remark."""
    for example in one.examples:
        if not spelled(one, example):
            continue
        taken = [text for text in example.inputs if text.endswith("]")]
        types = (", ".join(taken) + " " if taken else "") + f"-> {', '.join(example.outputs)}"
        where = f"where {' and '.join(example.facts)}" if example.facts else ""
        yield _step(one, example), types, "; ".join(said for said in (where, example.note) if said)


def spelled(one: type[Op], example: Example) -> bool:
    """Can the language write it? There is no word for infinity, and sizes are never an empty list."""
    if any(isinstance(value, float) and isinf(value) for value in example.args.values()):
        return False
    return one.variadic is None or example.args.get(one.variadic, None) not in ((), [])


def _step(one: type[Op], example: Example) -> str:
    if one.name == "index":
        return f"x[{', '.join(map(_part, example.args['parts']))}]"
    said: list[str] = []
    named: list[str] = []
    for name, field in one.fields.items():
        if name not in example.args:
            continue
        value = example.args[name]
        if name == one.variadic:
            said += [written(item) for item in value] if isinstance(value, list | tuple) else [written(value)]
        elif name == one.keywords:
            named += [f"{word}={written(size)}" for word, size in value]
        elif field.default is REQUIRED:
            said.append(_argument(field, value))
        else:
            named.append(f"{name}={_argument(field, value)}")
    tensors = [] if one.layer else _tensors(one, example)
    told = ", ".join([*tensors, *said, *named])
    return f"{one.name}({told})" if told or not one.layer else one.name


def _part(part: Any) -> str:
    """One part of an index: a number, `none`, `...`, or a slice."""
    kind, *ends = part
    if kind != "slice":
        return {"none": "none", "ellipsis": "..."}.get(kind) or str(ends[0])
    start, stop, step = ("" if end is None else str(end) for end in ends)
    return f"{start}:{stop}" + (f":{step}" if step else "")


def _argument(field: Field, value: Any) -> str:
    """A value as the language writes it there: a dtype is a word, a size an expression."""
    return value if isinstance(value, str) and any(kind in field.kind for kind in ("dtype", "size")) else written(value)


def _tensors(one: type[Op], example: Example) -> list[str]:
    """The tensors of an example by the names of the operator; one that stands behind an absent one is named."""
    names = list(one.tensors)
    result: list[str] = []
    skipped = False
    for index, text in enumerate(example.inputs):
        word = names[min(index, len(names) - 1)] if names else f"x{index}"
        if word.startswith("*"):
            result.append(f"{word[1:].rstrip('s') or 'x'}{index}")
            continue
        word = word.rstrip("?")
        if not text:
            skipped = True
        elif not text.endswith("]"):  # a number or a size stands where a tensor could
            result.append(text)
        else:
            result.append(f"{word}={word}" if skipped else word)
    return result


def written(value: Any) -> str:
    """A Python value as a literal of the language."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(item) for item in value) + "]"
    return dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _parameter(field: Field) -> str:
    default = default_of(field)
    return field.name if default is None else f"{field.name}={default}"
