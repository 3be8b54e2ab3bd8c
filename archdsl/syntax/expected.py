"""Which tokens may stand next, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.syntax.kinds import END, FIXED, FLOAT, INT, NAME, NAMES, NUMBER, OPERATORS, STRING, plain
from archdsl.syntax.tables import Tables

_MOST = 7
_ITEM = frozenset(NUMBER[name] for name in ("USE", "FN", "BLOCK", "ARCH"))
_STATEMENT = frozenset(
    FIXED[text]
    for text in (
        "require", "expect", "param", "buffer", "shared", "init", "default", "carry", "yield", "final", "until", "head",
    )
)  # fmt: skip
_STEP = frozenset(FIXED[text] for text in ("if", "skip", "branch", "repeat", "scan", "{"))
_VALUE = frozenset({NAME, INT, FLOAT, STRING}) | {
    FIXED[text] for text in ("(", "[", "-", "not", "true", "false", "none", "it", "training")
}
_OPERATOR = OPERATORS | {FIXED["if"]}
_AFTER_VALUE = frozenset(FIXED[text] for text in ["(", "[", "."])


def accepted(tables: Tables, states: list[int]) -> list[int]:
    """The kinds of tokens that the parser would shift in these states."""
    return [kind for kind in range(len(NAMES)) if _shifts(tables, states, kind)]


def _shifts(tables: Tables, states: list[int], kind: int) -> bool:
    rows, file = tables.states, tables.symbols.index("file")
    above: list[int] = []
    base = len(states)  # the states from `base` on are replaced by `above`
    while True:
        top = above[-1] if above else states[base - 1]
        action = rows[top].get(kind)
        if action is None:
            return False
        if action >= 0:
            return True
        length, origin = tables.lengths[-1 - action], tables.origins[-1 - action]
        if origin == file:
            return kind == END
        drop = min(length, len(above))
        if drop:
            del above[-drop:]
        base -= length - drop
        above.append(rows[above[-1] if above else states[base - 1]][origin])


def in_words(kinds: Iterable[int]) -> tuple[str, ...]:
    """Kinds of tokens as people call them, those of one sort under one name, sorted; nothing where that says too much."""
    left = set(kinds)
    words: list[str] = []
    if left >= _ITEM:
        return ("`arch`", "`block`", "`fn`", "`let`", "`use`", "`variant`")
    for sort, called in ((_STATEMENT, "a statement"), (_STEP, "a step"), (_VALUE, "a value")):
        if left >= sort:
            if not words:
                words.append(called)
            left -= sort
    if words == ["a statement"]:
        left -= {NUMBER["LET"]}
    if left >= _OPERATOR - {FIXED["if"], FIXED["in"]} or left >= {FIXED["+"], FIXED["*"]}:
        left -= _OPERATOR | _AFTER_VALUE | {FIXED["as"], FIXED["for"]}
        words.append("an operator")
    words += [plain(kind) for kind in left]
    return tuple(sorted(words, key=lambda word: (word.startswith("`"), word))) if len(words) <= _MOST else ()
