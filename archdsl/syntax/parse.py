"""Text to syntax tree: drives the LALR(1) tables, notes problems, and goes on after them."""

from __future__ import annotations

import gc
from bisect import bisect_left
from typing import Any

from archdsl.problems.collector import MAX_SHOWN, Problems
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.building.items import Items
from archdsl.syntax.comments import documentation
from archdsl.syntax.fault import Fault
from archdsl.syntax.kinds import BODIED, CLOSERS, EDITS, LBRACE, NAME, NL, NUMBER, OPENERS, VARIANT
from archdsl.syntax.lexer import MAX_NESTING, Tokens, tokenize
from archdsl.syntax.tables import Tables, load

MAX_RECOVERED = 1000
"""After so many faults, shown or not, the rest of a text is not read."""
_DEEPER = frozenset(
    {
        "body", "body_empty", "if_else", "skip_via", "skip_args_via", "if_expr", "binary", "unary", "call", "index",
        "attribute", "comprehension", "step_labelled",
    }
)  # fmt: skip
"""What counts as a level of nesting, beside the brackets that the lexer counts."""


DONE = -1
"""In the place of a state: nothing follows."""

_read: dict[tuple[str, str], tree.File] = {}
"""Trees of texts without a problem, by name and text, the oldest first: a text that did not change is not read again."""
MAX_READ = 64


def parse(source: Source, problems: Problems) -> tree.File:
    """The syntax tree of a text. What cannot be read is noted in `problems` and stands in the tree as `Broken`."""
    key = source.name, source.text
    known = _read.pop(key, None)
    if known is None:
        before = problems.noted
        known = _parsed(source, problems)
        if problems.noted > before:
            return known
    _read[key] = known
    if len(_read) > MAX_READ:
        del _read[next(iter(_read))]
    return known


def _parsed(source: Source, problems: Problems) -> tree.File:
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
        self.flawed = self._flaws()
        self.noted = self.recovered = 0
        self.cut = min((flaw.start for flaw in tokens.flaws if flaw.code == "nesting-too-deep"), default=len(tokens.text) + 1)
        symbols = self.tables.symbols
        self.levels = [symbols.index(name) for name in ("stmt", "edit", "item")]

    def file(self) -> tree.File:
        """Read it all."""
        position = 0
        items: list[tree.Item] | None = None
        while items is None:
            stopped: _Unexpected | _Refused
            try:
                items = self._run(position)
            except (_Unexpected, _Refused) as stop:
                stopped = stop
            if items is None:
                position = self._recover(stopped.token, stopped.fault)
                self.recovered += 1
                if self.noted >= MAX_SHOWN or self.recovered >= MAX_RECOVERED:
                    items = []
        comments = tuple(
            tree.Comment(Span(self.source, start, end), self.source.text[start:end], own)
            for start, end, own in self.tokens.comments
        )
        return tree.File(self.source, self.file_doc, tuple(items), comments)

    def _run(self, at: int) -> list[tree.Item]:
        """Shift and reduce from token `at` to the end of the text."""
        tables = self.tables
        rows, origins, lengths = tables.states, tables.origins, tables.lengths
        builder = self.builder
        methods: list[Any] = [getattr(builder, name) if name else None for name in tables.methods]
        weights = [int(name in _DEEPER) for name in tables.methods]
        file = tables.symbols.index("file")
        states, values, firsts, depths = self.states, self.values, self.firsts, self.depths
        kinds = self.tokens.kinds
        turns = tables.turns
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
            length = lengths[rule]
            if length == 1:  # one symbol becomes another, often several times in a row
                key = (states[-2], state, kind)
                turn = turns.get(key)
                if turn is None:
                    turn = turns[key] = self._turn(*key)
                end, rules, weight = turn
                first, value = firsts[-1], values[-1]
                if weight:
                    depths[-1] += weight
                    if depths[-1] > MAX_NESTING:
                        self._refuse(first, at)
                try:
                    for each in rules:
                        value = methods[each](first, at - 1, value)
                except Fault as fault:
                    raise _Refused(at, fault) from None
                if end == DONE:
                    return value  # type: ignore[no-any-return]
                states[-1], values[-1] = end, value
                continue
            method = methods[rule]
            if length:
                first = firsts[-length]
                depth = max(depths[-length:]) + weights[rule]
                if depth > MAX_NESTING:
                    self._refuse(first, at)
                try:
                    value = method(first, at - 1, *values[-length:])
                except Fault as fault:
                    raise _Refused(at, fault) from None
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

    def _turn(self, below: int, state: int, kind: int) -> tuple[int, tuple[int, ...], int]:
        """What becomes of one symbol on top of the stack before a token: the state where that ends (`DONE` where it is the whole
        text), the rules whose methods are called on the way, and the levels of nesting that it adds."""
        tables = self.tables
        file = tables.symbols.index("file")
        rules: list[int] = []
        action: int | None = tables.states[state].get(kind)
        while action is not None and action < 0 and tables.lengths[-1 - action] == 1:
            rule = -1 - action
            if tables.methods[rule]:
                rules.append(rule)
            origin = tables.origins[rule]
            if origin == file:
                state = DONE
                break
            state = tables.states[below][origin]
            action = tables.states[state].get(kind)
        return state, tuple(rules), sum(tables.methods[rule] in _DEEPER for rule in rules)

    def _refuse(self, first: int, at: int) -> None:
        """The fault of what is nested too deeply between two tokens."""
        span = Span(self.source, self.tokens.starts[first], self.tokens.ends[at - 1])
        raise _Refused(at, Fault("NestingTooDeep", at=span, limit=MAX_NESTING))

    # ── after a fault ────────────────────────────────────────────────────────────────────────────────────────────────

    def _recover(self, token: int, fault: Fault | None) -> int:
        """Note the fault at a token, go back to the statement or item it is in, and say with which token to go on: with the
        next body of the statement, whose own faults are wanted too, else behind the statement, for which a `Broken` is put."""
        rows, states = self.tables.states, self.states
        kinds, starts, ends = self.tokens.kinds, self.tokens.starts, self.tokens.ends
        stack = states.copy()
        depth, start = len(states) - 1, token
        while not any(one in rows[states[depth]] for one in self.levels):
            depth -= 1
            start = self.firsts[depth]
        del states[depth + 1 :], self.values[depth:], self.depths[depth:], self.firsts[depth:]
        level = next(one for one in self.levels if one in rows[states[-1]])
        top = level == self.levels[-1]
        origin = self.builder.broken.get(start, start)

        stop, body = self._statement_end(start, token, top)
        span = Span(self.source, starts[origin], max(starts[origin], ends[max(origin, stop - 1)]))
        at = bisect_left(self.flawed, span.start)
        known = start in self.builder.broken or starts[token] >= self.cut
        if not known and not (at < len(self.flawed) and self.flawed[at] <= max(span.end, starts[token])):
            from archdsl.syntax import noting  # late: see there

            place = noting.Place(token, start, top, body)
            self.problems.add(
                noting.unexpected(self.source, self.tokens, place, self.tables, stack) if fault is None else noting.made(fault)
            )
            self.noted += 1
        if body and not (top and kinds[start] == NUMBER["USE"]):
            self.builder.broken[start if top else stop] = origin
            if top:
                self._push(NUMBER["BLOCK"], start, start)
                self._push(NAME, start, start)
            return stop
        self._push(level, start, tree.Broken(span))
        return stop

    def _flaws(self) -> list[int]:
        """Note what the lexer and the alphabet have against the text; where that is."""
        text = self.source.text
        if not self.tokens.flaws and text.replace("\n", "").replace("\t", "").isprintable():
            return []
        from archdsl.syntax import noting  # late: see there

        return sorted(noting.flaw_problems(self.source, self.tokens, self.problems))

    def _push(self, symbol: int, first: int, value: object) -> None:
        self.states.append(self.tables.states[self.states[-1]][symbol])
        self.values.append(value)
        self.firsts.append(first)
        self.depths.append(0)

    def _statement_end(self, start: int, token: int, top: bool) -> tuple[int, bool]:
        """Where the statement that starts and goes wrong at these tokens opens a body (True), or ends (False)."""
        kinds = self.tokens.kinds
        depth = 0
        edited = kinds[start] in EDITS or kinds[start] == VARIANT
        for at in range(start, token):
            depth += (kinds[at] in OPENERS) - (kinds[at] in CLOSERS)
        stop = token
        while kinds[stop]:
            kind = kinds[stop]
            if kind == LBRACE and depth <= 0 and not edited:
                return stop, True
            if kind in OPENERS:
                depth += 1
            elif kind in CLOSERS:
                depth -= 1
                if depth < 0:
                    break
            elif kind == NL and depth <= 0 and not (edited and kinds[stop + 1] == LBRACE):
                if stop == token and kinds[stop + 1] == LBRACE and (top or kinds[start] in BODIED):
                    return stop + 1, True
                break
            stop += 1
        return stop, False


class _Unexpected(Exception):
    """A token that no rule allows."""

    def __init__(self, token: int) -> None:
        super().__init__(token)
        self.token = token
        self.fault = None


class _Refused(Exception):
    """A rule that does not accept what it is made of."""

    def __init__(self, token: int, fault: Fault) -> None:
        super().__init__(token)
        self.token = token
        self.fault = fault
