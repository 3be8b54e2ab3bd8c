"""Many specialisations as one graph: what differs in numbers becomes a symbol that stands for all of its values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from archdsl.dims.dim import Dim, Size, symbol
from archdsl.dims.shape import TensorType
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.targets.torch.explain import Vector
from archdsl.targets.torch.literals import MARK
from archdsl.targets.torch.tape import Expr

HOLE = "?"


def is_number(value: object) -> bool:
    """Whether a configuration value may differ between the instances of one class."""
    return isinstance(value, (int, float, Dim)) and not isinstance(value, bool)


def shape_of(value: Any, rigid: bool = False) -> Hashable:
    """What must agree for two configuration values to be of one class: all but numbers, and all where `rigid`."""
    if is_number(value) and not rigid:
        return "float" if isinstance(value, float) else "size"
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *(shape_of(one, rigid) for one in value))
    if isinstance(value, float):
        return (float, repr(value))
    return (type(value), value)


@dataclass
class Holes:
    """The symbols of one class, each with its values in all specialisations."""

    count: int
    values: dict[str, Vector] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    _known: dict[Vector, str] = field(default_factory=dict)

    def join(self, values: Vector, hint: str) -> Any:
        """One value that stands for all: the value itself where they agree, else a symbol, in tuples and lists too."""
        first = values[0]
        if isinstance(first, (tuple, list)):
            return type(first)(self.join(tuple(one[index] for one in values), hint) for index in range(len(first)))
        if all(type(one) is type(first) and (one == first or one != one) for one in values):
            return first
        key = tuple((type(one), one) for one in values)
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = f"{HOLE}{len(self._known)}"
            self.values[name] = values
            self.hints[name] = hint
        if isinstance(first, float):
            return Expr(f"{MARK}{name}{MARK}")
        return symbol(name)

    def sizes(self, size: Size) -> Vector:
        """The values of a size in all specialisations."""
        if not isinstance(size, Dim):
            return (size,) * self.count
        holes = [name for name in size.symbols if name in self.values]
        return tuple(size.substitute({name: self.values[name][index] for name in holes}) for index in range(self.count))

    def join_op(self, ops: tuple[Op, ...], hint: str) -> Op:
        """One operator that stands for all."""
        changed = {}
        for name, value in ops[0].items():
            new = self.join(tuple(getattr(one, name) for one in ops), f"{hint}_{name}" if hint else name)
            if new is not value:
                changed[name] = new
        return ops[0].changed(**changed) if changed else ops[0]

    def join_type(self, types: tuple[TensorType, ...]) -> TensorType:
        """One type that stands for all."""
        return TensorType(
            tuple(self.join(sizes, "size") for sizes in zip(*(one.shape for one in types), strict=True)), types[0].dtype
        )

    def join_operand(self, operands: tuple[Operand, ...]) -> Operand:
        """One operand that stands for all; a value keeps the name of the first."""
        first = operands[0]
        if isinstance(first, Value):
            return self.join_value(tuple(one for one in operands if isinstance(one, Value)))
        if isinstance(first, Number):
            numbers = tuple(one.number for one in operands if isinstance(one, Number))
            return Number(self.join(numbers, "number"), first.type)
        return None

    def join_value(self, values: tuple[Value, ...]) -> Value:
        """One value that stands for all."""
        return Value(values[0].name, self.join_type(tuple(one.type for one in values)))
