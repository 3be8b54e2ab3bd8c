"""Makes `tables.txt` from `arch.lark`: `python -m archdsl.syntax.build`. Only this needs lark; parsing reads the tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer, Token
from lark.parsers.lalr_analysis import Shift

from archdsl.syntax.kinds import NAMES

HERE = Path(__file__).parent
GRAMMAR = HERE / "arch.lark"
TABLES = HERE / "tables.txt"


class _NoLexer(Lexer):
    """Stands in for `lexer.py`, which lark need not know: only its tables are taken."""

    def __init__(self, conf: object) -> None:
        del conf

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        """Give no token."""
        del lexer_state, parser_state
        return iter(())


def grammar() -> Lark:
    """The grammar with its LALR(1) tables. Raises `lark.exceptions.GrammarError` for a conflict of either kind."""
    text = GRAMMAR.read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_NoLexer, strict=True, start="file", keep_all_tokens=True, maybe_placeholders=False)


def tables() -> dict[str, Any]:
    """What `parse.py` needs: rules as `[symbol, length, method or ""]`, and for each state its `[symbol, action, …]`.

    A symbol is a token's number, or above these a rule's name. An action from 0 is the next state; below, -1 - the rule to
    reduce. States are numbered in the order of a walk over sorted symbols, so equal grammars give equal bytes.
    """
    lark = grammar()
    parser: Any = lark.parser
    table = parser.parser._parse_table
    rules = sorted(lark.rules, key=lambda rule: (str(rule.origin.name), [str(symbol.name) for symbol in rule.expansion]))
    symbols = [*NAMES, *sorted({str(rule.origin.name) for rule in rules})]
    number = {name: at for at, name in enumerate(symbols)} | {"$END": 0}
    numbered = {rule: at for at, rule in enumerate(rules)}

    order = {table.start_states["file"]: 0}
    todo = list(order)
    rows: list[list[int]] = []
    for state in todo:
        row: list[int] = []
        for name, (action, target) in sorted(table.states[state].items(), key=lambda entry: number[str(entry[0])]):
            if action is Shift:
                if target not in order:
                    order[target] = len(order)
                    todo.append(target)
                row += (number[str(name)], order[target])
            else:
                row += (number[str(name)], -1 - numbered[target])
        rows.append(row)
    return {
        "symbols": symbols,
        "rules": [[number[str(rule.origin.name)], len(rule.expansion), str(rule.alias or "")] for rule in rules],
        "states": rows,
    }


def text() -> str:
    """The text of `tables.txt`: symbols, then a line for each rule, a blank line, and a line for each state."""
    parts = tables()
    lines = [" ".join(parts["symbols"])]
    lines += [" ".join(str(part) for part in rule).rstrip() for rule in parts["rules"]]
    lines.append("")
    lines += [" ".join(str(part) for part in row) for row in parts["states"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLES.write_text(text(), encoding="utf-8")
