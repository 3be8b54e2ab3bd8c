"""Einsum patterns of words: `b e n, b n -> b e`, read, checked, and laid out for operands of known rank."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from archdsl.ops.contract import OpFault
from archdsl.ops.reshape.patterns import Word, fault
from archdsl.records import record

TOKEN = re.compile(r"\s+|->|\.\.\.|…|,|[A-Za-z_][A-Za-z0-9_]*")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@record
class Term:
    """The axes of one operand, or of the result, with its place in the string."""

    words: tuple[Word, ...]
    start: int
    end: int

    @property
    def ellipsis(self) -> bool:
        """Whether it has `...`."""
        return any(word.ellipsis for word in self.words)


@record
class Equation:
    """The operands' terms and the result's."""

    text: str
    operands: tuple[Term, ...]
    result: Term

    def letters(self) -> dict[str, str]:
        """A letter for each word, the first free one of the word's own where there is one."""
        names = dict.fromkeys(word.text for term in self.operands for word in term.words if not word.ellipsis)
        single = {name for name in names if len(name) == 1 and name in LETTERS}
        found: dict[str, str] = {}
        for name in names:
            wanted = [name] if name in single else [*name.lower(), *LETTERS]
            taken = set(found.values()) | (single - {name})
            found[name] = next(one for one in wanted if one in LETTERS and one not in taken)
        return found

    def compact(self) -> str:
        """As PyTorch wants it: `ben,bn->be`."""
        letters = self.letters()

        def term(one: Term) -> str:
            return "".join("..." if word.ellipsis else letters[word.text] for word in one.words)

        return f"{','.join(map(term, self.operands))}->{term(self.result)}"


@lru_cache(maxsize=1024)
def read(text: str) -> Equation:
    """Read an einsum pattern. Raises `OpFault` (`bad-pattern`)."""
    words: list[Word] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            known = {"(": "split or merge axes with `rearrange`", ")": "split or merge axes with `rearrange`"}
            raise fault(f"`{text[at]}` does not belong in an einsum pattern", at, at + 1, known.get(text[at]))
        if not match.group().isspace():
            words.append(Word(match.group().replace("…", "..."), at, match.end()))
        at = match.end()
    arrows = [index for index, word in enumerate(words) if word.text == "->"]
    if len(arrows) != 1:
        start, end = (words[arrows[1]].start, words[arrows[1]].end) if arrows else (0, len(text))
        raise fault(f"an einsum pattern has one `->`, this has {len(arrows)}", start, end, 'as in "b i k, b k j -> b i j"')
    operands: list[list[Word]] = [[]]
    edges = [0]
    for word in words[: arrows[0]]:
        if word.text == ",":
            operands.append([])
            edges.append(word.end)
        else:
            operands[-1].append(word)
    edges.append(words[arrows[0]].start)
    terms = [_term(found, edges[index], edges[index + 1]) for index, found in enumerate(operands)]
    equation = Equation(text, tuple(terms), _term(words[arrows[0] + 1 :], words[arrows[0]].end, len(text)))
    _check(equation)
    return equation


def _term(words: list[Word], start: int, end: int) -> Term:
    comma = next((word for word in words if word.text == ","), None)
    if comma is not None:
        raise fault("there is one result", comma.start, comma.end)
    return Term(tuple(words), words[0].start if words else start, words[-1].end if words else end)


def _check(equation: Equation) -> None:
    """Each word of the result stands once, and on the left; `...` once a term."""
    there = {word.text for term in equation.operands for word in term.words}
    seen: set[str] = set()
    for word in equation.result.words:
        if word.text not in there:
            raise fault(f"`{word.text}` is missing on the left", word.start, word.end)
        if word.text in seen:
            raise fault(f"`{word.text}` stands twice in the result", word.start, word.end)
        seen.add(word.text)
    for term in equation.operands:
        dots = [word for word in term.words if word.ellipsis]
        if len(dots) > 1:
            raise fault("`...` stands twice in one term", dots[1].start, dots[1].end)
        if dots and not equation.result.ellipsis:
            raise fault("`...` is missing in the result", dots[0].start, dots[0].end, "einsum keeps these axes")
    if len(there - {"..."}) > len(LETTERS):
        raise fault(f"more than {len(LETTERS)} axes", 0, len(equation.text))


def lay_out(equation: Equation, ranks: Sequence[int]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The axes of each operand and of the result, by name; those of `...` are `...-1` (the last), `...-2`, … Raises `OpFault`."""
    if len(ranks) != len(equation.operands):
        raise fault(f"the pattern is for {len(equation.operands)} tensors; {len(ranks)} came", 0, equation.operands[-1].end)
    operands: list[tuple[str, ...]] = []
    most = 0
    for index, (term, rank) in enumerate(zip(equation.operands, ranks, strict=True)):
        rest = rank - sum(not word.ellipsis for word in term.words)
        if rest < 0 or (rest and not term.ellipsis):
            text = equation.text[term.start : term.end]
            raise OpFault(f"`{text}` is for {rank - rest} axes; tensor {index} has {rank}", code="rank-mismatch", operand=index,
                          argument="pattern", offset=(term.start, term.end))  # fmt: skip
        most = max(most, rest)
        operands.append(_names(term, rest))
    return operands, _names(equation.result, most)


def _names(term: Term, dots: int) -> tuple[str, ...]:
    names: list[str] = []
    for word in term.words:
        names.extend([f"...{index - dots}" for index in range(dots)] if word.ellipsis else [word.text])
    return tuple(names)
