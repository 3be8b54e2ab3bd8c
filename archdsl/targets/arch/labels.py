"""The numbers that containers count, and where a step needs a label to stand at its path."""

from __future__ import annotations

import re
from collections.abc import Iterable

from archdsl.ir.node import Path
from archdsl.targets.arch.words import label_text

_PLACE = re.compile(r"\d+|step\d+", re.ASCII)
"""Last segments of the paths that layers without tensors get by themselves."""


class Labels:
    """Counts numbers as the elaborator does. `fixed` are the paths that must come out as they are."""

    def __init__(self, fixed: Iterable[Path]) -> None:
        self.fixed = {path[:end] for path in fixed for end in range(1, len(path) + 1)}
        self._counts: dict[Path, int] = {}

    def is_fresh(self, container: Path) -> bool:
        """Whether a container has counted nothing yet."""
        return container not in self._counts

    def clashes(self, container: Path, numbered: bool) -> bool:
        """Whether the next number is also the label of something with tensors."""
        return numbered and (*container, str(self._counts.get(container, 0))) in self.fixed

    def number(self, container: Path, numbered: bool) -> str | None:
        """Take the container's next number, where steps take numbers."""
        if not numbered:
            return None
        count = self._counts.get(container, 0)
        self._counts[container] = count + 1
        return str(count)

    def of(self, path: Path, container: Path, number: str | None, stateful: bool) -> str:
        """The label with its colon, or nothing where the step gets its path by itself."""
        own = path[len(container) :]
        if number is not None and own == (number,):
            return ""
        if not stateful and len(own) == 1 and _PLACE.fullmatch(own[0]):
            if number is None or (*container, number) not in self.fixed:
                return ""
            free = next(name for name in _names(own[0]) if (*container, name) not in self.fixed)
            return f"{free}: "
        return f"{label_text(own)}: "


def _names(start: str) -> Iterable[str]:
    count = 0
    while True:
        yield f"layer{start}" if not count else f"layer{start}_{count}"
        count += 1
