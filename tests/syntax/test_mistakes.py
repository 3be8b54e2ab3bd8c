"""Habits from other languages, and slips: what is said about them."""

from __future__ import annotations

import pytest

from archdsl.syntax.problems import UnexpectedToken
from tests.syntax.reading import read


def say(text: str) -> tuple[str, str]:
    """The first problem's message and help."""
    problem = read(text)[1][0]
    return problem.message(), problem.help or ""


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("def f(x):\n  relu", "there is no `def` here", "`block Name"),
        ("class A(nn.Module):", "there is no `class` here", "`block Name"),
        ("import torch", "there is no `import` here", "`use`"),
        ("block B(x: [N])\n{\n  relu\n}", "`{` opens on the line of what it belongs to", "end of the line above"),
        ("block B(x: [N])\nblock C { relu }", "expected `{`", "in braces"),
        ("block B(x: [N]):\n  relu", "a body stands in braces", "in place of `:`"),
        ("conv: Conv2d(64, 3)", "at the top level stand", "body of a block"),
        ("block B(x: [N]) -> ([N], [N]) { (x, x) }", "not put in parentheses", "`-> [N, 4], [N]`"),
    ],
)
def test_at_the_top_level(text: str, said: str, hint: str) -> None:
    message, help_ = say(text)
    assert said in message
    assert hint in help_


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("return x", "there is no `return` here", "its last value"),
        ("for i in 0..3 { relu }", "there is no `for` here", "repeat i in"),
        ("while x { relu }", "there is no `while` here", "repeat n"),
        ("f(lambda x: x)", "there is no `lambda` here", "in braces"),
        ("if a { b } elif c { d }", "there is no `elif` here", "else if"),
        ("f(True)", "`True` is written `true`", ""),
        ("f(None)", "`None` is written `none`", ""),
        ("Conv2d(64, 3, stride: 2)", "with `=`, not with `:`", "stride=2"),
        ("Conv2d(64 3)", "expected `,` before `3`", ""),
        ("if x = 3 { relu }", "compares with `==`", "`==`"),
        ("expect { params = 3 }", "compares with `==`", "`==`"),
        ("if x: relu", "a body stands in braces", "in place of `:`"),
        ("require 1 < x < 3", "comparisons are not chained", "and"),
        ("require a not in b", "there is no `not in`", "not (a in b)"),
        ("a: b: relu", "one label", "outer.inner"),
        ("a, b -> f", "a tuple stands in parentheses", "(a, b)"),
        ("x = a, b", "a tuple stands in parentheses", "(a, b)"),
        ("x = + a", "no unary `+`", ""),
        ("x += 1", "there is no `+=`", "x = x +"),
        ("x => f", "there is no `=>`", "->"),
        ("x |> f", "no `|`", "->"),
        ("relu // the activation function", "cannot stand here", "starts with `#`"),
        ("x = .5", "begins with a digit", "0.5"),
        ("-> relu", "nothing stands before `->`", "leave"),
        ("relu as head", "`head` is a reserved word", "label"),
        ("block C { relu }", "stands at the top level", ""),
        ("let x: int = 3", "`let` takes no type", "let x ="),
        ("a || b", "no `|`", "or"),
        ("a && b", "no part of the language", "and"),
        ("a b", "cannot stand here", "sent on with `->`"),
        ("f(a; b)", "cannot stand in parentheses", ""),
        ("ys = ys + [x -> f]", "a chain in a list", "[(x -> f)]"),
        ("let a = [i for i in 0..3 if i > 1]", "has no condition", "if c else b"),
        ("let a = [i if i > 1]", "expected `else` or `or`", ""),
        ('y = x -> experts."{e}".fc: Linear(4)', "quoted as a whole", '`"experts.{e}": …`'),
        ("repeat (a, 3) in xs { relu }", "left of `in`", ""),
    ],
)
def test_in_a_body(text: str, said: str, hint: str) -> None:
    message, help_ = say("block B(x: [N]) {\n  " + text + "\n}")
    assert said in message
    assert hint in help_


def test_what_may_stand_is_said_in_plain_words() -> None:
    for text in ("let", "let x", "let x =", "block", "block B(", "use", "use a { b", "arch A = f(", "fn f", "fn f(x) ->"):
        _, problems = read(text)
        for problem in problems:
            if isinstance(problem, UnexpectedToken):
                assert not any(word.isupper() and len(word) > 1 for word in problem.message().split())
                assert list(problem.expected) == sorted(problem.expected, key=lambda word: (word.startswith("`"), word))
    assert say("let x =")[0] == "expected a value, found the end of the file"
    assert say("let 3 = x")[0] == "expected a name, found `3`"
