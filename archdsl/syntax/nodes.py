"""`node` makes frozen classes with slots, as `dataclass(frozen=True, slots=True)` does, in a fifth of its time.

The tree has some seventy classes, and `archdsl check` pays for them at each start: 43 ms as dataclasses, measured 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T", bound=type)


class Frozen:
    """What all nodes share: they are equal when their class and their fields are, and they do not change."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    def __hash__(self) -> int:
        return hash((self.__class__, *(getattr(self, name) for name in self.__match_args__)))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__qualname__}({inside})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r} of a node")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r} of a node")

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.__class__, tuple(getattr(self, name) for name in self.__match_args__)


@dataclass_transform(frozen_default=True, eq_default=True)
def node(cls: T) -> T:
    """The class with a slot for each annotated field, fields of its bases first, and an `__init__` that takes them in order."""
    own = tuple(cls.__dict__.get("__annotations__", ()))
    names: tuple[str, ...] = (*getattr(cls.__base__, "__match_args__", ()), *own)
    left_out = {*own, "__dict__", "__weakref__"}
    body: dict[str, Any] = {key: value for key, value in cls.__dict__.items() if key not in left_out}
    defaults = {name: cls.__dict__[name] for name in own if name in cls.__dict__}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**body, "__slots__": own, "__match_args__": names})
    made.__init__ = _init(tuple(getattr(made, name).__set__ for name in names), names, defaults)
    return made  # type: ignore[no-any-return]


def _init(
    setters: tuple[Callable[[object, object], None], ...], names: tuple[str, ...], defaults: dict[str, object]
) -> Callable[..., None]:
    """An `__init__` that takes the fields in order or by name. It is not compiled for each class: a start would pay more than
    the parsing of a usual file saves."""
    count = len(names)

    def init(self: object, *values: object, **named: object) -> None:
        if named or len(values) != count:
            values = _complete(values, named)
        for setter, value in zip(setters, values):  # noqa: B905 (the lengths are equal, and this is the parser's inner loop)
            setter(self, value)

    def _complete(values: tuple[object, ...], named: dict[str, object]) -> tuple[object, ...]:
        given = dict(zip(names, values, strict=False))
        if len(values) > count or named.keys() & given.keys() or named.keys() - set(names):
            raise TypeError(f"fields are {', '.join(names)}; given are {len(values)} and {', '.join(named)}")
        given = {**defaults, **given, **named}
        missing = [name for name in names if name not in given]
        if missing:
            raise TypeError(f"missing: {', '.join(missing)}")
        return tuple(given[name] for name in names)

    return init
