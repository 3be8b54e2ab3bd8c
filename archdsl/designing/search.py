"""Searches a row of whole numbers, some of them missing, for the one that is nearest to a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator

MAX_GAP = 512
"""So many values in a row that are missing end the search in that direction."""
MAX_WALK = 20_000
"""So many values are tried one by one where the numbers neither grow nor fall throughout."""


class Numbers:
    """The number at each index from 0 to `count - 1`, None where there is none; each is asked for once."""

    def __init__(self, ask: Callable[[int], int | None], count: int) -> None:
        self._ask = ask
        self._known: dict[int, int | None] = {}
        self.count = count

    def __call__(self, index: int) -> int | None:
        if not 0 <= index < self.count:
            return None
        if index not in self._known:
            self._known[index] = self._ask(index)
        return self._known[index]

    @property
    def asked(self) -> int:
        """How many were asked for."""
        return len(self._known)

    def present(self) -> list[int]:
        """The indices asked for that have a number, in order."""
        return sorted(index for index, value in self._known.items() if value is not None)


def nearest(numbers: Numbers, wanted: float, operator: str, start: int) -> int | None:
    """The index whose number is nearest to `wanted` and meets `number operator wanted` (`==`: nearest on either side), or None.

    The numbers are taken to grow or fall throughout; where those that were met do not, all are tried. Of equally near ones it is
    the smallest index.
    """
    first = _present(numbers, start, 0, numbers.count)
    if first is None:
        return None
    _bracket(numbers, wanted, first)
    _bisect(numbers, wanted)
    if not _monotone([numbers(index) for index in numbers.present()]):
        for index in range(min(numbers.count, MAX_WALK)):
            numbers(index)
    found = [index for index in numbers.present() if _meets(numbers(index), operator, wanted)]
    return min(found, key=lambda index: (abs((numbers(index) or 0) - wanted), index), default=None)


def _meets(value: int | None, operator: str, wanted: float) -> bool:
    if value is None:
        return False
    return operator == "==" or (value <= wanted if operator == "<=" else value >= wanted)


def _around(at: int, low: int, high: int) -> Iterator[int]:
    """`at`, then its neighbours on both sides, within `low` (included) and `high` (excluded)."""
    for distance in range(MAX_GAP):
        for index in {at - distance, at + distance}:
            if low <= index < high:
                yield index


def _present(numbers: Numbers, at: int, low: int, high: int) -> int | None:
    """The index nearest to `at` that has a number."""
    return next((index for index in _around(at, low, high) if numbers(index) is not None), None)


def _bracket(numbers: Numbers, wanted: float, first: int) -> None:
    """Go from `first` to both sides in growing steps, until `wanted` lies between two numbers or the row ends."""
    for side in (1, -1):
        at, distance = first, 1
        while 0 <= at < numbers.count:
            known = [numbers(index) or 0 for index in numbers.present()]
            if min(known) <= wanted <= max(known):
                return
            end = numbers.count - 1 if side > 0 else 0
            goal = first + side * distance
            goal = min(goal, end) if side > 0 else max(goal, end)
            low, high = (at + 1, numbers.count) if side > 0 else (0, at)
            found = _present(numbers, goal, low, high)
            if found is None or _farther(numbers, wanted, at, found):
                break
            at, distance = found, distance * 2


def _farther(numbers: Numbers, wanted: float, at: int, found: int) -> bool:
    """Whether a step has led away from what is wanted: the other side is to be tried."""
    return abs((numbers(found) or 0) - wanted) > abs((numbers(at) or 0) - wanted)


def _bisect(numbers: Numbers, wanted: float) -> None:
    """Halve the gaps between neighbours on both sides of `wanted` until nothing stands between them."""
    while True:
        known = numbers.present()
        pair = next(
            (
                (left, right)
                for left, right in zip(known, known[1:], strict=False)
                if right - left > 1 and _between(numbers(left), wanted, numbers(right))
            ),
            None,
        )
        if pair is None:
            return
        left, right = pair
        if _present(numbers, (left + right) // 2, left + 1, right) is None:
            return


def _between(one: int | None, wanted: float, other: int | None) -> bool:
    low, high = sorted((one or 0, other or 0))
    return low <= wanted <= high and low != high


def _monotone(values: list[int | None]) -> bool:
    known = [one for one in values if one is not None]
    return known == sorted(known) or known == sorted(known, reverse=True)
