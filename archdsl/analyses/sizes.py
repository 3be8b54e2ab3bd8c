"""Numbers that a user gives for symbolic dimensions: whether there are such dimensions, and what the door says to them."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dim import Dim, Size
from archdsl.ir.graph import Door, Graph
from archdsl.problems.suggest import did_you_mean


class NoBinding(ValueError):
    """No numbers were found that the model's door lets in, or those given are none of its dimensions."""


def check_given(bind: Mapping[str, int], *graphs: Graph) -> None:
    """Raise `NoBinding` where a name is no dimension of any of the graphs, or numbers are against the door of one."""
    names = [name for graph in graphs for name in symbols_of(graph)]
    for name in bind:
        if name not in names:
            hint = did_you_mean(name, names) or f"it has {', '.join(dict.fromkeys(names)) or 'none'}"
            raise NoBinding(f"{graphs[0].name} has no symbolic dimension `{name}`; {hint}")
    for door in (door for graph in graphs for door in graph.doors):
        inside = sorted(free_of(door.left) | free_of(door.right))
        if inside and set(inside) <= set(bind) and not holds(door, bind):
            told = ", ".join(f"{name} = {bind[name]}" for name in inside)
            why = "" if door.message == door_text(door) else f": {door.message}"
            raise NoBinding(f"{told} is against `require {door_text(door)}`{why}")


def symbols_of(graph: Graph) -> list[str]:
    """The symbols of the inputs, in the order in which they are first seen."""
    seen: dict[str, None] = {}
    for one in graph.input_values:
        for size in one.type.shape:
            if isinstance(size, Dim):
                seen.update(dict.fromkeys(sorted(size.symbols)))
    return list(seen)


def holds(door: Door, binding: Mapping[str, int]) -> bool:
    """Whether the model lets these numbers in."""
    left, right = number(door.left, binding), number(door.right, binding)
    match door.op:
        case "==":
            return left == right
        case "<=":
            return left <= right
        case "<":
            return left < right
        case _:
            return left % right == 0


def number(size: Size, binding: Mapping[str, int]) -> int:
    """The size at these numbers."""
    return size.evaluate(binding) if isinstance(size, Dim) else size


def free_of(size: Size) -> frozenset[str]:
    """The symbols in a size."""
    return size.symbols if isinstance(size, Dim) else frozenset()


def door_text(door: Door) -> str:
    """`H % 16 == 0`."""
    return f"{door.left} % {door.right} == 0" if door.op == "%" else f"{door.left} {door.op} {door.right}"
