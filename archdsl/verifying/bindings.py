"""Numbers for the symbolic dimensions of an arch that keep what is checked at its door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.analyses.sizes import NoBinding, check_given, door_text, free_of, holds, symbols_of
from archdsl.ir.graph import Door, Graph

LIMIT = 640
"""The largest number that is tried by itself."""
PRIMES = (3, 5, 7, 11, 13, 17, 19, 23)
LARGER = (4, 10, 14, 22, 26, 34)
Binding = dict[str, int]


def choose_bindings(graph: Graph, bind: Mapping[str, int] | None = None) -> list[Binding]:
    """The numbers to try: the least, primes, and larger ones, `bind` fixing some. Where only a few fit, fewer.

    Raises `NoBinding` where none is found, `bind` is against the door or names no dimension.
    """
    bind = dict(bind or {})
    names = symbols_of(graph)
    check_given(bind, graph)
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
