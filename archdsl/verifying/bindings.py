"""Numbers for the symbolic dimensions of an arch that keep what is checked at its door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.dims.dim import Dim, Size
from archdsl.ir.graph import Door, Graph

LIMIT = 640
"""The largest number that is tried by itself."""
PRIMES = (3, 5, 7, 11, 13, 17, 19, 23)
LARGER = (4, 10, 14, 22, 26, 34)
Binding = dict[str, int]


class NoBinding(ValueError):
    """No numbers were found that the model's door lets in."""


def choose_bindings(graph: Graph, bind: Mapping[str, int] | None = None) -> list[Binding]:
    """The numbers to try: the least, primes, and larger ones, `bind` fixing some. Where only a few fit, fewer.

    Raises `NoBinding` where none is found or `bind` is against the door, and ValueError where it names no dimension.
    """
    bind = dict(bind or {})
    names = symbols_of(graph)
    for name in bind:
        if name not in names:
            raise ValueError(f"{graph.name} has no symbolic dimension `{name}`; it has {', '.join(names) or 'none'}")
    found: list[Binding] = []
    for kind in (0, 1, 2):
        orders = [[bind[name]] if name in bind else list(candidates(kind, index)) for index, name in enumerate(names)]
        binding = search(names, orders, graph.doors)
        if binding is not None and binding not in found:
            found.append(binding)
    if not found:
        told = "; ".join(door_text(one) for one in graph.doors)
        raise NoBinding(f"no sizes up to {LIMIT} were found for {', '.join(names)} that keep {told}; give them: --bind")
    return found


def symbols_of(graph: Graph) -> list[str]:
    """The symbols of the inputs, in the order in which they are first seen."""
    seen: dict[str, None] = {}
    for one in graph.input_values:
        for size in one.type.shape:
            if isinstance(size, Dim):
                seen.update(dict.fromkeys(sorted(size.symbols)))
    return list(seen)


def candidates(kind: int, index: int) -> Iterator[int]:
    """Numbers for the symbol of that index, the wanted ones first; different symbols get different ones."""
    if kind == 0:
        yield from range(1, LIMIT + 1)
        return
    wished = (PRIMES, LARGER)[kind - 1]
    start = wished[index % len(wished)]
    yield from (wished[index % len(wished) :])
    yield from range(start + 1, LIMIT + 1)
    yield from range(1, start)


def search(names: Sequence[str], orders: Sequence[Sequence[int]], doors: Sequence[Door]) -> Binding | None:
    """The first numbers, symbol by symbol, that every door lets in."""
    position = {name: index for index, name in enumerate(names)}
    due: list[list[Door]] = [[] for _ in names]
    for door in doors:
        inside = [position[name] for size in (door.left, door.right) for name in free_of(size) if name in position]
        if inside:
            due[max(inside)].append(door)
        elif not holds(door, {}):
            return None
    binding: Binding = {}

    def place(index: int) -> bool:
        if index == len(names):
            return True
        for number in orders[index]:
            binding[names[index]] = number
            if all(holds(door, binding) for door in due[index]) and place(index + 1):
                return True
        binding.pop(names[index], None)
        return False

    return binding if place(0) else None


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
