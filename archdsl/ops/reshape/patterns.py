"""Einops patterns: read into types, checked, and their sizes solved from a shape."""

from __future__ import annotations

import re
from functools import lru_cache

from archdsl.ops.contract import OpFault
from archdsl.records import fresh, record

WORD_OR_SIGN = r"\s+|->|\.\.\.|…|[()]|[A-Za-z_][A-Za-z0-9_]*|[0-9]+"


@record
class Word:
    """One word of a pattern: a name, a number, or `...`, with its place in the string."""

    text: str
    start: int
    end: int

    @property
    def number(self) -> int | None:
        """Its value where it is a number."""
        return int(self.text) if self.text.isdigit() else None

    @property
    def ellipsis(self) -> bool:
        """Whether it stands for any number of axes."""
        return self.text == "..."


@record
class Group:
    """One axis of a side: the words it is composed of. `()` and `1` have none."""

    words: tuple[Word, ...]
    start: int
    end: int
    composed: bool
    """Written in parentheses."""


@record
class Pattern:
    """Both sides of `left -> right`."""

    text: str
    left: tuple[Group, ...]
    right: tuple[Group, ...]


@record
class Layout:
    """A pattern for an input of known rank: each axis is a tuple of the names of its parts.

    The ellipsis has become names (`...0`, `...1`), a number other than 1 a name of its own (`2@7`, value and place).
    """

    left: tuple[tuple[str, ...], ...]
    right: tuple[tuple[str, ...], ...]
    numbers: dict[str, int] = fresh(default_factory=dict)

    @property
    def source(self) -> tuple[str, ...]:
        """The parts of the input, flat."""
        return tuple(name for group in self.left for name in group)

    @property
    def target(self) -> tuple[str, ...]:
        """The parts of the result, flat."""
        return tuple(name for group in self.right for name in group)


def fault(message: str, start: int, end: int, help: str | None = None) -> OpFault:
    """A fault at a place inside the pattern."""
    return OpFault(message, code="bad-pattern", argument="pattern", offset=(start, end), help=help)


def after_one(pattern: str) -> str:
    """The pattern with one axis more, before all others on both sides."""
    taken = set(re.findall(r"\w+", pattern))
    name = next(one for one in ("t", *(f"t{index}" for index in range(len(taken) + 1))) if one not in taken)
    left, right = pattern.split("->")
    return f"{name} {left.strip()} -> {name} {right.strip()}".strip()


@lru_cache(maxsize=1024)
def read(text: str, verb: str) -> Pattern:
    """Read a pattern for `rearrange`, `reduce` or `expand`, and check that its names fit. Raises `OpFault` (`bad-pattern`)."""
    words = _words(text)
    arrows = [one for one in words if one.text == "->"]
    if not arrows:
        raise fault("the pattern has no `->`", 0, len(text), 'write "input axes -> output axes", as in "b (h d) -> b h d"')
    if len(arrows) > 1:
        raise fault("the pattern has two `->`", arrows[1].start, arrows[1].end)
    at = words.index(arrows[0])
    pattern = Pattern(text, _side(words[:at]), _side(words[at + 1 :]))
    _check_sides(pattern, verb)
    return pattern


def _words(text: str) -> list[Word]:
    """The words of a pattern, spaces dropped."""
    words: list[Word] = []
    token = re.compile(WORD_OR_SIGN)  # here: most programs have no pattern, and its own cache keeps it
    at = 0
    while at < len(text):
        match = token.match(text, at)
        if match is None:
            raise fault(f"`{text[at]}` does not belong in a pattern", at, at + 1)
        if not match.group().isspace():
            words.append(Word(match.group().replace("…", "..."), at, match.end()))
        at = match.end()
    return words


def _side(words: list[Word]) -> tuple[Group, ...]:
    """The axes of one side."""
    groups: list[Group] = []
    opened: Word | None = None
    inside: list[Word] = []
    for word in words:
        if word.text == "(":
            if opened is not None:
                raise fault("parentheses do not nest in a pattern", word.start, word.end)
            opened, inside = word, []
        elif word.text == ")":
            if opened is None:
                raise fault("`)` without `(`", word.start, word.end)
            groups.append(Group(tuple(inside), opened.start, word.end, True))
            opened = None
        elif word.number == 0:
            raise fault("an axis has at least size 1", word.start, word.end)
        else:
            kept = () if word.number == 1 else (word,)
            if opened is not None:
                inside.extend(kept)
            else:
                groups.append(Group(kept, word.start, word.end, False))
    if opened is not None:
        raise fault("`(` is never closed", opened.start, opened.end)
    return tuple(groups)


def _check_sides(pattern: Pattern, verb: str) -> None:
    """Each name once a side, `...` where it may stand, and the names of both sides as the operator wants them."""
    left, right = (_names(side) for side in (pattern.left, pattern.right))
    for group in pattern.left:
        for word in group.words:
            if word.ellipsis and group.composed:
                raise fault(
                    "`...` may not stand in parentheses on the left: how many axes it has would be unknown", word.start, word.end
                )
    for side, allowed in ((pattern.left, verb == "reduce"), (pattern.right, verb == "expand")):
        for group in side:
            for word in group.words:
                if word.number is not None and not allowed:
                    raise fault(
                        f"`{word.text}` stands alone here; give the axis a name", word.start, word.end, f"as in n, n={word.text}"
                    )
    lost = [word for name, word in left.items() if name not in right]
    new = [word for name, word in right.items() if name not in left]
    if lost and verb != "reduce":
        raise fault(f"`{lost[0].text}` is missing on the right", lost[0].start, lost[0].end, "`reduce` takes axes away")
    if new and (verb != "expand" or new[0].ellipsis):
        raise fault(
            f"`{new[0].text}` is missing on the left",
            new[0].start,
            new[0].end,
            "`expand` makes new axes" if not new[0].ellipsis else None,
        )


def _names(side: tuple[Group, ...]) -> dict[str, Word]:
    """The names of a side (and `...`), each at most once."""
    names: dict[str, Word] = {}
    for group in side:
        for word in group.words:
            if word.number is not None:
                continue
            if word.text in names:
                raise fault(f"`{word.text}` stands twice on one side", word.start, word.end)
            names[word.text] = word
    return names


def lay_out(pattern: Pattern, rank: int) -> Layout:
    """The pattern for an input of that rank. Raises `OpFault` (`rank-mismatch`)."""
    single = [group for group in pattern.left if any(word.ellipsis for word in group.words)]
    rest = rank - (len(pattern.left) - len(single))
    if rest < 0 or (not single and rest > 0):
        least = "at least " if single else ""
        wanted = f"{least}{len(pattern.left) - len(single)}"
        raise OpFault(f"the pattern has {wanted} axes, the input has {rank}", code="rank-mismatch", operand=0, argument="pattern",
                      offset=(0, pattern.text.find("->")))  # fmt: skip
    dots = tuple(f"...{index}" for index in range(rest)) if single else ()
    numbers: dict[str, int] = {}

    def parts(side: tuple[Group, ...]) -> tuple[tuple[str, ...], ...]:
        axes: list[tuple[str, ...]] = []
        for group in side:
            names: list[str] = []
            for word in group.words:
                if word.number is not None:
                    names.append(f"{word.text}@{word.start}")
                    numbers[names[-1]] = word.number
                else:
                    names.extend(dots if word.ellipsis else (word.text,))
            if group.words and group.words[0].ellipsis and not group.composed:
                axes.extend((name,) for name in names)
            else:
                axes.append(tuple(names))
        return tuple(axes)

    return Layout(parts(pattern.left), parts(pattern.right), numbers)
