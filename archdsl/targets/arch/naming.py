"""Names of values: the author's where there is one, unique where they can be seen, and no word that means something else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from archdsl.elaborate.arguments import DTYPES
from archdsl.elaborate.config import FUNCTIONS
from archdsl.ir.value import Value
from archdsl.ops.registry import known
from archdsl.syntax.kinds import RESERVED

_TAKEN = frozenset((*RESERVED, *DTYPES, *FUNCTIONS, "jvp", "_"))


def is_word(name: str) -> bool:
    """Whether a name can be one in a text, and hides nothing that is built in."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) is not None and name not in _TAKEN and name not in known()


def is_nameless(name: str) -> bool:
    """Whether a value has the name of those that only flow."""
    return base_of(name) == "x"


def base_of(name: str) -> str:
    """A name without the numbers that made it unique."""
    return re.sub(r"(_\d+)+$", "", name)


class Names:
    """Names given out, by scope: what is bound in inner braces is free again after them."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._scopes: list[set[str]] = [set(taken)]

    def enter(self) -> None:
        """Inner braces begin."""
        self._scopes.append(set())

    def leave(self) -> None:
        """Inner braces end."""
        self._scopes.pop()

    def give(self, value: Value | str) -> str:
        """A free name near the wanted one."""
        wanted = base_of(value if isinstance(value, str) else value.name)
        wanted = re.sub(r"\W", "_", wanted, flags=re.ASCII) or "x"
        if wanted[0].isdigit():
            wanted = f"x{wanted}"
        if not is_word(wanted):
            wanted += "_"
        name, count = wanted, 0
        while any(name in scope for scope in self._scopes):
            count += 1
            name = f"{wanted}_{count}"
        self._scopes[-1].add(name)
        return name
