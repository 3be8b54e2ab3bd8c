"""`record` makes frozen classes with slots, as `dataclass(frozen=True, slots=True)` does, in a fraction of its time.

A start of `archdsl check` pays for each class that it loads: measured 2026-11, the graph's and the elaborator's cost 60 ms as
dataclasses and 6 ms so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T", bound=type)
R = TypeVar("R")


class Fresh:
    """The default of a field that is made anew for each record: `Fresh(dict)`."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def fresh(*, default_factory: Callable[[], Any]) -> Any:
    """A field whose default is made anew for each record."""
    return Fresh(default_factory)


class Record:
    """What all records share: they are equal when their class and their compared fields are, and they do not change."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()
    __values__: Callable[[object], tuple[Any, ...]] = staticmethod(lambda _: ())
    __compared__: Callable[[object], tuple[Any, ...]] = __values__

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if self.__class__ is not other.__class__:
            return NotImplemented
        compared = self.__compared__
        return bool(compared(self) == compared(other))

    def __hash__(self) -> int:
        return hash(self.__compared__(self))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__qualname__}({inside})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r} of a record")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r} of a record")

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.__class__, tuple(getattr(self, name) for name in self.__match_args__)


@dataclass_transform(frozen_default=True, eq_default=True, field_specifiers=(fresh,))
def record(cls: T) -> T:
    """The class with a slot for each annotated field and an `__init__` that takes them in order or by name.

    A class may name in `silent` the fields that do not count when records are compared: where something was written. With
    `by_identity = True` a record equals only itself.
    """
    own = tuple(name for name, kind in cls.__dict__.get("__annotations__", {}).items() if not str(kind).startswith("ClassVar"))
    names: tuple[str, ...] = (*getattr(cls.__base__, "__match_args__", ()), *own)
    silent = cls.__dict__.get("silent", ())
    left_out = {*own, "__dict__", "__weakref__"}
    body: dict[str, Any] = {key: value for key, value in cls.__dict__.items() if key not in left_out}
    defaults = {**getattr(cls.__base__, "__defaults__", {}), **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}
    compared = tuple(name for name in names if name not in silent)
    values = staticmethod(_reader(names))
    if cls.__dict__.get("by_identity"):
        body |= {"__eq__": object.__eq__, "__hash__": object.__hash__}
    body |= {"__slots__": own, "__match_args__": names, "__values__": values, "__defaults__": defaults}
    body["__compared__"] = values if compared == names else staticmethod(_reader(compared))
    bases = cls.__bases__ if issubclass(cls, Record) else (Record, *(one for one in cls.__bases__ if one is not object))
    made: Any = type(cls)(cls.__name__, bases, body)
    made.__init__ = _init(made, names, defaults)
    return made  # type: ignore[no-any-return]


_LEFT_OUT = object()
OFTEN = 64
"""From so many records on, a class gets an `__init__` of its own: compiling one takes as long as making a hundred records."""


@dataclass_transform(frozen_default=True, eq_default=True, kw_only_default=True, field_specifiers=(fresh,))
def facts(cls: T) -> T:
    """A record whose fields are given by name, so that a subclass may add some without a default."""
    return record(cls)


@dataclass_transform(eq_default=False, field_specifiers=(fresh,))
def mutable(cls: T) -> T:
    """The class with a slot for each annotated field and an `__init__` as a record has; its fields may be set again."""
    names = tuple(cls.__dict__["__annotations__"])
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    body: dict[str, Any] = {key: value for key, value in cls.__dict__.items() if key not in {*names, "__dict__", "__weakref__"}}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**body, "__slots__": names, "__match_args__": names})
    made.__init__ = _init(made, names, defaults)
    return made  # type: ignore[no-any-return]


def _reader(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    """The values of these fields, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda one: tuple([getattr(one, name) for name in names])


def _init(made: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` that is not compiled for each class: most make few records, and a start pays for each class."""
    setters = tuple([getattr(made, name).__set__ for name in names])
    count = len(names)
    times = 0
    made_anew = {name: value.make for name, value in defaults.items() if isinstance(value, Fresh)}

    def init(self: object, *values: object, **named: object) -> None:
        nonlocal times
        times += 1
        if times == OFTEN:
            made.__init__ = _compiled(names, setters, defaults)
        whole: Sequence[object] = complete(values, named) if named or len(values) != count else values
        for setter, value in zip(setters, whole):  # noqa: B905 (the lengths are equal, and records are made in inner loops)
            setter(self, value)

    def complete(values: tuple[object, ...], named: dict[str, object]) -> list[object]:
        given = {**defaults, **named}
        for name, make in made_anew.items():
            if name not in named:
                given[name] = make()
        try:
            done = [*values, *[given.pop(name) for name in names[len(values) :]]]
        except KeyError as missing:
            raise TypeError(f"missing: {missing}") from None
        if len(done) != count or not given.keys() <= defaults.keys() or any(name in named for name in given):
            raise TypeError(f"fields are {', '.join(names)}; given are {len(values)} and {', '.join(named)}")
        return done

    return init


def _compiled(names: tuple[str, ...], setters: tuple[Any, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    """The `__init__` that a dataclass would have."""
    known: dict[str, Any] = {f"_set_{name}": setter for name, setter in zip(names, setters, strict=True)}
    known |= {f"_default_{name}": value for name, value in defaults.items()}
    header = ["self"]
    lines = []
    for at, name in enumerate(names):
        default = defaults.get(name)
        late = name not in defaults and any(one in defaults for one in names[:at])
        if late:  # Python has no such parameter: one that is left out is told apart by a default of its own
            known[f"_default_{name}"] = _LEFT_OUT
            lines.append(f" if {name} is _default_{name}: raise TypeError('missing: {name}')")
        header.append(f"{name}=_default_{name}" if late or name in defaults else name)
        value = f"_default_{name}.make() if {name} is _default_{name} else {name}" if isinstance(default, Fresh) else name
        lines.append(f" _set_{name}(self, {value})")
    exec(f"def __init__({', '.join(header)}):\n" + "\n".join(lines or [" pass"]), known)  # noqa: S102 (names of our own fields)
    return known["__init__"]  # type: ignore[no-any-return]


def changed(one: R, **values: object) -> R:
    """The record with other values in some fields."""
    names = one.__match_args__  # type: ignore[attr-defined]
    new = list(one.__values__(one))  # type: ignore[attr-defined]
    for name, value in values.items():
        if name not in names:
            raise TypeError(f"fields are {', '.join(names)}; given are {', '.join(values)}")
        new[names.index(name)] = value
    return type(one)(*new)


def parts(one: object) -> Iterator[tuple[str, Any]]:
    """A record's fields and their values, in order."""
    for name in type(one).__match_args__:  # type: ignore[attr-defined]
        yield name, getattr(one, name)
