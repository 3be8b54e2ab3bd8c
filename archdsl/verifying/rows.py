"""One line of the zoo's table: what an architecture counts, whether it is what it expects of itself, how long it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archdsl.analyses import cost
from archdsl.dims.dim import Dim, Size
from archdsl.problems.problem import ArchError
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.compiler import Spec


@dataclass(frozen=True)
class Row:
    """An architecture. `macs` are at `sizes`, None where these leave a dimension open."""

    arch: str
    params: Size = 0
    macs: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    lines: int = 0
    fault: str = ""
    """The first problem, where there is one; an expectation that does not hold is one."""


def row_of(spec: Spec, arch: str, sizes: Mapping[str, int] | None = None) -> Row:
    """The line of one architecture. Its MACs are at these `sizes`, by default those of its `expect`."""
    lines = spec_lines(spec, arch)
    try:
        graph = spec.graph(arch)
    except ArchError as fault:
        return Row(arch, lines=lines, fault=fault.problems[0].message())
    wrong = [one for one in spec.check(arch) if one.severity == "error"]
    at = dict(sizes) if sizes is not None else expected_sizes(spec, arch)
    counted = cost.macs(graph)
    macs = counted if isinstance(counted, int) else counted.evaluate(at) if counted.symbols <= at.keys() else None
    return Row(arch, cost.parameters(graph), macs, at, lines, wrong[0].message() if wrong else "")


def expected_sizes(spec: Spec, arch: str) -> dict[str, int]:
    """The sizes at which an architecture expects its MACs; empty where it does not say."""
    item = spec.module.items[arch]
    for one in _expectations(item):
        for condition in one.conditions:
            left = getattr(condition, "left", None)
            if isinstance(left, tree.Call) and getattr(left.function, "name", "") == "macs":
                found = {arg.name: getattr(arg.value, "value", None) for arg in left.args}
                return {name: size for name, size in found.items() if name is not None and isinstance(size, int)}
    return {}


def spec_lines(spec: Spec, arch: str) -> int:
    """Lines of the architecture and of what it uses of its own file: neither empty ones, comments nor expectations count."""
    items = spec.module.items
    found: dict[str, tree.Item] = {}
    waiting = [arch]
    while waiting:
        name = waiting.pop()
        if name in items and name not in found:
            found[name] = items[name]
            waiting += re.findall(r"[A-Za-z_][A-Za-z0-9_]*", _code(items[name]))
    return sum(bool(line.strip()) for one in found.values() for line in _code(one).splitlines())


def _code(item: Any) -> str:
    """The text of an item without comments and expectations."""
    text = item.span.text
    for one in reversed(list(_expectations(item))):
        start, end = (at - item.span.start for at in (one.span.start, one.span.end))
        text = text[:start] + text[end:]
    return re.sub(r"(?m)^\s*#.*$|\{\s*\}", "", text)


def _expectations(item: Any) -> list[tree.Expect]:
    body = getattr(item, "body", None)
    return [one for one in getattr(body, "statements", ()) if isinstance(one, tree.Expect)]


def said(size: int | Dim | None) -> str:
    """A count as it is printed."""
    return "–" if size is None else f"{size:,}" if isinstance(size, int) else str(size)
