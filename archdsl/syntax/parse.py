"""Text to syntax tree: drives the LALR(1) tables, notes problems, and goes on after them."""

from __future__ import annotations

import gc
from typing import Any

from archdsl.problems.collector import Problems
from archdsl.problems.problem import Problem
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.building.items import Items
from archdsl.syntax.comments import documentation
from archdsl.syntax.flaws import flaw_problems
from archdsl.syntax.kinds import CLOSERS, LBRACE, NL, OPENERS
from archdsl.syntax.lexer import MAX_NESTING, Tokens, tokenize
from archdsl.syntax.mistakes import explain
from archdsl.syntax.problems import Fault, NestingTooDeep
from archdsl.syntax.tables import Tables, load

_DEEPER = frozenset(
    "body body_empty if_else skip_via skip_args_via if_expr binary unary call index attribute comprehension step_labelled".split()
)
"""What counts as a level of nesting, beside the brackets that the lexer counts."""


def parse(source: Source, problems: Problems) -> tree.File:
    """The syntax tree of a text. What cannot be read is noted in `problems` and stands in the tree as `Broken`."""
    paused = gc.isenabled()
    gc.disable()
    try:
        tokens = tokenize(source.text)
        return _Parser(source, tokens, problems).file()
    finally:
        if paused:
            gc.enable()


class _Parser:
    """One run of the tables over one text."""

    def __init__(self, source: Source, tokens: Tokens, problems: Problems) -> None:
        self.source = source
        self.tokens = tokens
        self.problems = problems
        self.tables: Tables = load()
        self.builder = Items(source, tokens)
        self.file_doc, self.builder.docs = documentation(tokens)
        self.states = [0]
        self.values: list[Any] = []
        self.firsts: list[int] = []
        self.depths: list[int] = []
        self.flawed = flaw_problems(source, tokens, problems)
        self.faulty: list[tuple[int, int]] = []

    def file(self) -> tree.File:
        """Read it all."""
        position = 0
        items: list[tree.Item] | None = None
        while items is None:
            problem_at, problem = 0, None
            try:
                items = self._run(position)
            except _Unexpected as stop:
                problem_at = stop.token
            except _Refused as stop:
                problem_at, problem = stop.token, stop.problem
            if items is None:
                position = self._recover(problem_at, problem)
        comments = tuple(
            tree.Comment(Span(self.source, start, end), self.source.text[start:end], own) for start, end, own in self.tokens.comments
        )
        return tree.File(self.source, self.file_doc, tuple(items), comments)

    def _run(self, at: int) -> list[tree.Item]:
        """Shift and reduce from token `at` to the end of the text."""
        tables = self.tables
        rows, origins, lengths = tables.states, tables.origins, tables.lengths
        builder = self.builder
        methods = [getattr(builder, name) if name else None for name in tables.methods]
        weights = [int(name in _DEEPER) for name in tables.methods]
        file = tables.symbols.index("file")
        states, values, firsts, depths = self.states, self.values, self.firsts, self.depths
        kinds = self.tokens.kinds
        through: dict[tuple[int, int, int], int] = {}
        kind = kinds[at]
        while True:
            state = states[-1]
            action = rows[state].get(kind)
            if action is None:
                raise _Unexpected(at)
            if action >= 0:
                states.append(action)
                values.append(at)
                firsts.append(at)
                depths.append(0)
                at += 1
                kind = kinds[at]
                continue
            rule = -1 - action
            method = methods[rule]
            if method is None:  # one symbol passes through, often many times: the state where that ends is remembered
                below = states[-2]
                key = (below, state, kind)
                end = through.get(key)
                if end is None:
                    end = state
                    row = rows[below]
                    while action is not None and action < 0 and methods[-1 - action] is None:
                        if origins[-1 - action] == file:
                            return values[-1]  # type: ignore[no-any-return]
                        end = row[origins[-1 - action]]
                        action = rows[end].get(kind)
                    through[key] = end
                states[-1] = end
                continue
            length = lengths[rule]
            if length:
                first = firsts[-length]
                depth = max(depths[-length:]) + weights[rule]
                if depth > MAX_NESTING:
                    span = Span(self.source, self.tokens.starts[first], self.tokens.ends[at - 1])
                    raise _Refused(at, NestingTooDeep(at=span, limit=MAX_NESTING))
                try:
                    value = method(first, at - 1, *values[-length:])
                except Fault as fault:
                    raise _Refused(at, fault.problem) from None
                del states[-length:], values[-length:], firsts[-length:], depths[-length:]
            else:
                first, depth = at, 0
                value = method(at, at)
            origin = origins[rule]
            if origin == file:
                return value  # type: ignore[no-any-return]
            states.append(rows[states[-1]][origin])
            values.append(value)
            firsts.append(first)
            depths.append(depth)

    # ── after a fault ────────────────────────────────────────────────────────────────────────────────────────────────

    def _recover(self, token: int, problem: Problem | None) -> int:
        """Note the fault at a token, put a `Broken` for the statement or item around it, and say where to go on."""
        symbols = self.tables.symbols
        statement, item = symbols.index("stmt"), symbols.index("item")
        rows, states = self.tables.states, self.states
        kinds = self.tokens.kinds
        if problem is None:
            expected = [symbol for symbol in rows[states[-1]] if symbol < symbols.index("app")]
            problem = explain(self.source, self.tokens, token, expected, self._context())
        start = token
        while not (statement in rows[states[-1]] or item in rows[states[-1]]):
            states.pop()
            self.values.pop()
            self.depths.pop()
            start = self.firsts.pop()
        depth = 0
        for at in range(start, token):
            if kinds[at] in OPENERS:
                depth += 1
            elif kinds[at] in CLOSERS:
                depth -= 1
        stop = token
        while kinds[stop]:
            kind = kinds[stop]
            if kind in OPENERS:
                depth += 1
            elif kind in CLOSERS:
                depth -= 1
                if depth < 0:
                    break
            elif kind == NL and depth <= 0:
                break
            stop += 1
        if stop == start and kinds[stop] and kinds[stop] != NL and item in rows[states[-1]]:
            stop += 1
        last = max(start, stop - 1)
        span = Span(self.source, self.tokens.starts[start], max(self.tokens.starts[start], self.tokens.ends[last]))
        if not any(span.start <= flaw < max(span.end, span.start + 1) for flaw in self.flawed):
            self.problems.add(problem)
        row = rows[states[-1]]
        states.append(row[statement] if statement in row else row[item])
        self.values.append(tree.Broken(span))
        self.firsts.append(start)
        self.depths.append(0)
        return stop

    def _context(self) -> list[tuple[str, int]]:
        """The symbols on the stack, oldest first, each with its first token."""
        symbols = self.tables.symbols
        names = []
        for below, above, first in zip(self.states, self.states[1:], self.firsts, strict=False):
            name = next((symbols[symbol] for symbol, target in self.tables.states[below].items() if target == above), "")
            names.append((name, first))
        return names


class _Unexpected(Exception):
    """A token that no rule allows."""

    def __init__(self, token: int) -> None:
        super().__init__(token)
        self.token = token


class _Refused(Exception):
    """A rule that does not accept what it is made of."""

    def __init__(self, token: int, problem: Problem) -> None:
        super().__init__(token)
        self.token = token
        self.problem = problem


__all__ = ["LBRACE", "parse"]
