"""Statements of a generated `forward` before they are text: folding single uses into one line, and choosing the locals' names.

While statements are made, a local is `ꙮ12ꙮ`, a name that no author's text contains (`quote` escapes that letter), so that it is
found and replaced by plain text search.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from archdsl.targets.torch.layout import top_brackets
from archdsl.targets.torch.literals import MARK

LOCAL = re.compile(f"{MARK}[0-9]+{MARK}")
FOLD_WIDTH = 96
FOLD_DEPTH = 3


@dataclass
class Line:
    """`targets = code  # note`; without targets just the code (`return x`, with `head` the keyword)."""

    targets: tuple[str, ...]
    code: str
    note: str = ""
    head: str = ""
    depth: int = 1
    fixed: bool = False
    """Not to be folded into its user."""
    annotation: str = ""
    heavy: bool = False
    """Calls a block."""
    untyped: bool = False
    """A module's call, which a type checker knows nothing of."""


@dataclass
class Block:
    """`for …:`, `if …:` or `def …:` with a body; `other` is the body of its `else`."""

    head: str
    body: list[Statement]
    other: list[Statement] = field(default_factory=list)
    targets: tuple[str, ...] = ()
    """Locals that the head binds."""
    state: tuple[str, ...] = ()
    """Locals that are live all through it: what a loop carries."""
    function: bool = False
    """A `def`, whose targets are its name and its arguments."""


Statement = Line | Block


def uses(statements: Iterable[Statement]) -> Iterator[str]:
    """Every reading of a local."""
    for one in statements:
        if isinstance(one, Line):
            yield from LOCAL.findall(one.code)
        else:
            yield from LOCAL.findall(one.head)
            yield from one.state
            yield from uses(one.body)
            yield from uses(one.other)


def fold(statements: list[Statement], stems: dict[str, str], indent: int, counts: Counter[str] | None = None) -> list[Statement]:
    """Put a value that is used once, in the next statement, where it is used, while lines stay short."""
    counts = counts or Counter(uses(statements))
    out: list[Statement] = []
    for one in statements:
        if isinstance(one, Block):
            one.body = fold(one.body, stems, indent + 4, counts)
            one.other = fold(one.other, stems, indent + 4, counts)
            out.append(one)
            continue
        first = len(one.code) + 1
        while out and isinstance(before := out[-1], Line) and len(before.targets) == 1 and not before.head:
            (target,) = before.targets
            at = one.code.find(target)
            if counts[target] != 1 or not 0 <= at < first or before.fixed or before.depth >= FOLD_DEPTH:
                break
            if not _flows(target, one, stems) or (one.heavy and before.heavy) or one.head == "return":
                break
            code = substitute(one.code, target, before.code)
            if indent + len(_short(code, stems)) + 8 * len(one.targets) > FOLD_WIDTH:
                break
            one.heavy = one.heavy or before.heavy
            one.code, one.depth, first = code, max(one.depth, before.depth + 1), at
            out.pop()
        out.append(one)
    return out


def _flows(target: str, user: Line, stems: dict[str, str]) -> bool:
    """A name of the author's own stays; what merely flows, and what flows on under the same name, is folded."""
    if user.code == target and user.targets:
        return True
    return stems[target] in ("x", "it") or any(stems[target] == stems.get(other) for other in user.targets)


def _short(code: str, stems: dict[str, str]) -> str:
    return LOCAL.sub(lambda found: stems[found[0]], code)


def substitute(code: str, name: str, inner: str) -> str:
    """The code with the one use of a local replaced by an expression, in parentheses where they are needed."""
    bare, safe = code.replace(name, inner), code.replace(name, f"({inner})")
    return bare if same(bare, safe) else safe


def same(left: str, right: str) -> bool:
    """Whether two texts are the same expression."""
    try:
        return ast.dump(ast.parse(left, mode="eval")) == ast.dump(ast.parse(right, mode="eval"))
    except SyntaxError:
        return False


def without_parentheses(code: str) -> str:
    """The expression without the parentheses that change nothing."""
    at = 0
    while (at := code.find("(", at)) >= 0:
        if at and (code[at - 1].isalnum() or code[at - 1] in "_)]\"'" + MARK):
            at += 1
            continue
        end = _closing(code, at)
        if end is not None:
            bare = code[:at] + code[at + 1 : end] + code[end + 1 :]
            if not _is_tuple(code[at : end + 1]) and same(bare, code):
                code = bare
                continue
        at += 1
    return code


def _is_tuple(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.Tuple)
    except SyntaxError:
        return True


def _closing(code: str, at: int) -> int | None:
    found = top_brackets(code[at:])
    return at + found[0][1] if found else None
