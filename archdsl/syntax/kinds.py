"""The kinds of tokens: their numbers, their spelling, and what people call them."""

from __future__ import annotations

SPELLED = {
    "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}", "COMMA": ",", "COLON": ":",
    "EQUAL": "=", "DOT": ".", "DOTS": "..", "ELLIPSIS": "...", "ARROW": "->", "BAR": "|", "EQ": "==", "NE": "!=",
    "LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "PLUS": "+", "MINUS": "-", "STAR": "*", "SLASH": "/", "FLOOR": "//",
    "PERCENT": "%", "AT": "@", "POWER": "**",
}  # fmt: skip
RESERVED = (
    "use", "let", "fn", "block", "arch", "default", "param", "buffer", "shared", "init", "if", "else", "repeat", "skip",
    "via", "branch", "scan", "over", "axis", "reverse", "until", "carry", "yield", "final", "head", "when", "require",
    "expect", "in", "for", "as", "and", "or", "not", "true", "false", "none", "it", "training",
)  # fmt: skip
EDITING = ("variant", "of", "set", "replace", "insert", "after", "before", "wrap", "unwrap", "remove", "with")
"""Words only where a variant is written."""
NAMES = (
    "END", "NAME", "INT", "FLOAT", "STRING", "NL", *SPELLED, *(word.upper() for word in RESERVED),
    *(word.upper() for word in EDITING), "SELECTOR",
)  # fmt: skip
NUMBER = {name: number for number, name in enumerate(NAMES)}
FIXED = {text: NUMBER[name] for name, text in SPELLED.items()} | {word: NUMBER[word.upper()] for word in RESERVED}
"""The number of each kind that has one spelling, by its spelling."""
EDIT_WORDS = {word: NUMBER[word.upper()] for word in EDITING}
TEXT = {number: text for text, number in (FIXED | EDIT_WORDS).items()}

END, NAME, INT, FLOAT, STRING, NL = range(6)
LPAR, RPAR, LSQB, RSQB, LBRACE, RBRACE = range(6, 12)
COMMA, COLON, EQUAL, DOT = (NUMBER[name] for name in ("COMMA", "COLON", "EQUAL", "DOT"))
FIRST_WORD, FIRST_EDIT_WORD = NUMBER["USE"], NUMBER["VARIANT"]
"""Reserved words have this number and those above, the words of variants the second one."""
VARIANT, SELECTOR = NUMBER["VARIANT"], NUMBER["SELECTOR"]
EDITS = frozenset(EDIT_WORDS[text] for text in ["set", "replace", "insert", "wrap", "unwrap", "remove"])

OPENERS = {LPAR: RPAR, LSQB: RSQB, LBRACE: RBRACE}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}
OPERATORS = frozenset(
    FIXED[text] for text in ["**", "*", "/", "//", "%", "@", "+", "-", "..", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]
)
CONTINUES_BEFORE = OPERATORS | {FIXED[text] for text in ("->", "via", "else", "as")} | {EDIT_WORDS["with"]}
"""A line that starts with one of these goes on with the statement above."""
CONTINUES_AFTER = CONTINUES_BEFORE | {FIXED[text] for text in (",", "=", ":", "not")}
"""After one of these a statement goes on with the next line."""
BODIED = frozenset(FIXED[text] for text in ["if", "skip", "branch", "repeat", "scan", "head", "expect"])
"""Statements that begin with one of these have a body in braces."""

_PLAIN = {
    END: "the end of the file", NAME: "a name", INT: "a whole number", FLOAT: "a number", STRING: "a string", NL: "a new line",
    SELECTOR: "a selector",
}  # fmt: skip


def plain(kind: int) -> str:
    """What people call a kind of token: "a name", "`->`"."""
    return _PLAIN.get(kind) or f"`{TEXT[kind]}`"
