"""`archdsl fmt`: a text in its one layout, with the proof that nothing else changed."""

from __future__ import annotations

from collections import Counter

from archdsl.problems.collector import Problems
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.layout.lines import Layout
from archdsl.syntax.lexer import tokenize
from archdsl.syntax.parse import parse


class LayoutFault(Exception):
    """The layout would have changed a program: a bug of ours; nothing was written."""


def format_source(source: Source) -> str:
    """The text in its one layout.

    Indents are two blanks, lines longer than 130 columns are broken at arrows and brackets. Kept are comments, blank lines
    between groups of lines (one at most), bodies written on one line that fit there, line breaks before `->`, brackets that the
    author opened on a line of their own, and whether `*` and its like stand close. Alignment is not kept; commas before a
    closing bracket go, but for that of a tuple of one.

    Raises `ArchError` where the text has syntax errors, `LayoutFault` if the result were another program.
    """
    before = _parsed(source)
    text = _laid_out(source.text)
    after = _parsed(Source(source.name, text))
    if not same(before, after):
        raise LayoutFault(f"{source.name}: the layout would change the program")
    if _remarks(before) != _remarks(after):
        raise LayoutFault(f"{source.name}: the layout would change the comments")
    if _laid_out(text) != text:
        raise LayoutFault(f"{source.name}: the layout of the layout differs")
    return text


def _laid_out(text: str) -> str:
    return Layout(tokenize(text)).text()


def _parsed(source: Source) -> tree.File:
    problems = Problems()
    file = parse(source, problems)
    problems.raise_errors()
    return file


def _remarks(file: tree.File) -> Counter[str]:
    return Counter(comment.text.rstrip() for comment in file.comments)


def same(one: tree.File, other: tree.File) -> bool:
    """The two files say the same: equal trees, whatever the places."""
    stack: list[tuple[object, object]] = [(one.doc, other.doc), (one.items, other.items)]
    while stack:
        left, right = stack.pop()
        if isinstance(left, Span) and isinstance(right, Span):
            continue
        if type(left) is not type(right):
            return False
        if isinstance(left, tree.Tree) and isinstance(right, tree.Tree):
            stack.extend((getattr(left, name), getattr(right, name)) for name in left.__match_args__)
        elif isinstance(left, tuple) and isinstance(right, tuple):
            if len(left) != len(right):
                return False
            stack.extend(zip(left, right, strict=True))
        elif left != right:
            return False
    return True
