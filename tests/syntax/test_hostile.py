"""Text that is meant to harm: a problem with its code and place, soon, and never an exception."""

from __future__ import annotations

import time

import pytest

from archdsl.source import MAX_SOURCE_BYTES
from tests.syntax.reading import codes, read

N = 100_000


@pytest.mark.parametrize("text", ["", "\n", " ", "# only a comment", "## doc", ";", "\n;\n;", "\t\n"])
def test_nothing_is_a_program(text: str) -> None:
    assert codes(text) == []


DEEP = {
    "round": "let x = " + "(" * N,
    "square": "[" * N + "1" + "]" * N,
    "brace": "block A " + "{" * N,
    "sum": "let x = " + "1+" * N + "1",
    "minus": "let x = " + "-" * N + "1",
    "not": "let x = " + "not " * N + "1",
    "dots": "let x = a" + ".b" * N,
    "calls": "let x = a" + "(1)" * N,
    "indices": "let x = a" + "[1]" * N,
    "powers": "let x = " + "a ** " * N + "1",
    "choices": "let x = " + "1 if a else " * 50_000 + "1",
    "else if": "block A { " + "if a { } else " * 50_000 + "{} }",
    "via": "block A { " + "skip { } via " * 50_000 + "a }",
    "repeat": "block A { " + "repeat 2 {" * N,
    "template": "let x = " + "f({ g(" * 50_000,
    "arguments": "let x = " + "f(-" * 60 + "1" + ")" * 60,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_depth(text: str) -> None:
    text = text[:MAX_SOURCE_BYTES]
    began = time.perf_counter()
    found = codes(text)
    assert found == ["nesting-too-deep"]
    assert time.perf_counter() - began < 10


def test_what_is_legal_is_not_too_deep() -> None:
    assert codes("let x = " + "(" * 60 + "1" + ")" * 60) == []
    assert codes("block A(x: [N]) { y = x" + " + x" * 60 + "\n y }") == []
    assert codes("block A(x: [N]) " + "{ skip " * 60 + "{ relu }" + "}" * 60) == []
    assert codes("let x = " + "f(" * 60 + "1" + ")" * 60) == []


def test_long_and_flat_is_no_fault() -> None:
    began = time.perf_counter()
    assert codes("let x = [" + "1, " * N + "]") == []
    assert codes("\n" * N * 10) == []
    assert codes("#" * N * 10) == []
    assert codes(" " * N * 10) == []
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let x = " + "9" * 5000, ["number-too-large"]),
        ("let x = 9_223_372_036_854_775_808", ["number-too-large"]),
        ("let x = 9_223_372_036_854_775_807", []),
        ("let x = 0" + "0" * 30 + "1", []),
        ("let x = 1e999", ["number-too-large"]),
        ("let x = 1e-400", ["number-too-small"]),
        ("let x = 0.0e-400", []),
        ("let " + "n" * 129 + " = 1", ["identifier-too-long"]),
        ("let " + "n" * 128 + " = 1", []),
        ('use "' + "a" * 4095 + '"', ["string-too-long"]),
        ('use "' + "a" * 4094 + '"', []),
        ('use "' + "\u00e9" * 2048 + '"', ["string-too-long"]),
        ('use "' + "a" * N, ["unterminated-string"]),
        ('use "a\nlet b = 1', ["unterminated-string"]),
        ('use "a\\d"', ["bad-escape"]),
        ('use "a\\u0041"', ["bad-escape"]),
        ("use 'a'", ["single-quotes"]),
        ("let x = 1 # note\r let y = 2", ["forbidden-character"]),
        ("let x = \0 1", ["forbidden-character"]),
        ("let x = 1 # \0", ["forbidden-character"]),
        ('use "\0"', ["forbidden-character"]),
        ("let x = 1 # \u202e } \u2066", ["forbidden-character"] * 2),
        ("let x = 1 # \u2028", ["forbidden-character"]),
        ("let x = 1 # \x85\x0b\x0c", ["forbidden-character"] * 3),
        ("let x = 1\ufeff", ["forbidden-character"]),
        ("let c\u043env = 1", ["unexpected-character"]),
        ("let \ufb01 = 1", ["unexpected-character"]),
        ("let \U0001d431 = 1", ["unexpected-character"]),
        ("let x\u00b2 = 1", ["unexpected-character"]),
        ("let x = f(\u0661\u0662)", ["unexpected-character"]),
        ("let x = \uff11", ["unexpected-character"]),
        ("let x = 12ab", ["malformed-number"]),
        ("let x = 1_", ["malformed-number"]),
        ("let x = 0x10", ["malformed-number"]),
        ("let x = a ? b", ["unexpected-character"]),
        ("let x = $a", ["unexpected-character"]),
        ("let x = (1", ["unclosed-bracket"]),
        ("let x = 1)", ["unopened-bracket"]),
        ("let x = (1]", ["unopened-bracket", "unclosed-bracket"]),
        ("let x = f(__import__('os').system('touch PWN'))", ["single-quotes"] * 2),
        ("let x = lambda: 0", ["unexpected-token"]),
    ],
)
def test_codes(text: str, expected: list[str]) -> None:
    assert sorted(codes(text)) == sorted(expected)


FLOODS = [
    ")", "}", "a ", "a\n", "'", '"\n', "\u043e", "\u043e ", "\0", "(\n", "(; ", "{\n(", "a: : b\n", "block A {\n (\n", "@",
    "->\n",
]  # fmt: skip


@pytest.mark.parametrize("part", FLOODS, ids=ascii)
def test_floods(part: str) -> None:
    began = time.perf_counter()
    _, problems = read(part * (500_000 // len(part)))
    assert 0 < len(problems) <= 300
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("text", ["let x = 1 # \x1b[31m\0", "let \x1b[2J = 1", "use '\x1b'", "let x = \x9b"])
def test_messages_show_no_control_character(text: str) -> None:
    for problem in read(text)[1]:
        for said in (problem.message(), problem.label, problem.help or ""):
            assert said.isprintable() or not said
