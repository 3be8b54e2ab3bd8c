"""Variants: their words are words only there, a selector is one token, and a slip costs one line."""

from __future__ import annotations

import pytest

from archdsl.problems.collector import Problems
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.edits import read_edits
from archdsl.syntax.format import format_source
from archdsl.syntax.kinds import EDITING
from tests.syntax.reading import read, read_well, shape


def edit(text: str) -> tree.Edit:
    (item,) = read_well(f"variant A of B {{ {text} }}").items
    assert isinstance(item, tree.Variant)
    (one,) = item.edits
    return one


@pytest.mark.parametrize(
    ("text", "word", "selector"),
    [
        ("set width = 128, depths = [3, 4]", "set", None),
        ("set groups = 32, bias = false for layer*.*.conv2", "set", "layer*.*.conv2"),
        ("replace relu with gelu", "replace", "relu"),
        ("replace  layer*.*.bn?   with GroupNorm(32)", "replace", "layer*.*.bn?"),
        ("replace h.[0-3].attn with { a: Linear(4); relu }", "replace", "h.[0-3].attn"),
        ('replace "with" with relu', "replace", '"with"'),
        ("replace *.with.0 with relu", "replace", "*.with.0"),
        ("replace without with relu", "replace", "without"),
        ("insert after fc1 { drop: Dropout(0.1) }", "insert after", "fc1"),
        ("insert before after {}", "insert before", "after"),
        ("wrap layer4.* with skip", "wrap", "layer4.*"),
        ("wrap fc with gate: skip(mul, when=true) via g: Linear(4)", "wrap", "fc"),
        ("wrap fc with repeat 2", "wrap", "fc"),
        ("wrap fc with skip { } via Linear(4)", "wrap", "fc"),
        ("wrap fc with inner: { }", "wrap", "fc"),
        ("unwrap [skip] in (Bottleneck or layer4)", "unwrap", "[skip] in (Bottleneck or layer4)"),
        ("remove Dropout(p=0.1) and not in.x", "remove", "Dropout(p=0.1) and not in.x"),
        ("remove remove", "remove", "remove"),
    ],
)
def test_edits(text: str, word: str, selector: str | None) -> None:
    one = edit(text)
    assert one.word == word
    assert (one.selector and one.selector.text) == selector
    assert one.span.text == text


def test_what_stands_there_then() -> None:
    assert shape(edit("replace a with GroupNorm(32)").value) == shape(edit("replace b with GroupNorm(32)").value)
    assert [one.name for one in edit("set a = 1, b = gelu for x").value] == ["a", "b"]
    body = edit("insert after a { b: relu; c }").value.links[0].step.term
    assert isinstance(body, tree.Body)
    assert len(body.statements) == 2
    wrapped = edit("wrap a with b: skip(mul) via c: Linear(4)").value
    assert (wrapped.label.segments[0].text, wrapped.term.body.statements) == ("b", ())
    assert wrapped.term.via.label.segments[0].text == "c"
    assert edit("remove a").value is None


def test_a_variant_has_its_documentation_its_expectations_and_its_place() -> None:
    text = "let y = 1\n## About.\nvariant Odd of Base {\n  remove relu\n  expect { params == 3 }\n  set width = 2\n}\nlet x = 1\n"
    _, variant, other = read_well(text).items
    assert isinstance(variant, tree.Variant)
    assert (variant.name, variant.value.name, variant.doc, variant.name_span.text) == ("Odd", "Base", "About.", "Odd")
    assert [one.word for one in variant.edits] == ["remove", "set"]
    assert [type(one).__name__ for one in variant.body.statements] == ["Expect"]
    assert isinstance(other, tree.Let)


@pytest.mark.parametrize("word", EDITING)
def test_elsewhere_the_words_are_names(word: str) -> None:
    read_well(f"let {word} = 3\nfn f({word} = 1) = {word} + 1\nblock {word}({word}: int)(x: [N]) {{ {word}: relu }}\nlet y = 1\n")
    read_well(f"arch A(x: [N]) {{\n  {word}\n  {word} = x -> {word}\n  {word} -> f({word}=1) -> {word}.{word}: g\n}}\n")
    variant, arch = read_well(f"variant {word} of {word} {{\n  replace {word}.* with {word}\n}}\narch {word} = {word}(1)").items
    assert isinstance(variant, tree.Variant)
    assert variant.name == word
    inner = f"variant A of B {{ insert after x {{\n  {word}\n  {word}: relu -> {word}\n}}\n set {word} = {word} }}"
    assert len(read_well(inner).items[0].edits) == 2


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("variant A of B(width=3) { remove relu }", "stands in its braces", "set width"),
        ("variant A { remove relu }", "expected `of`", "variant Name of Base"),
        ("variant A = B { remove relu }", "expected `of`", "variant Name of Base"),
        ("variant A of B\n{ remove relu }", "`{` opens on the line", "end of the line above"),
        ("variant A of B { replace relu gelu }", "expected `with`", "replace relu gelu with"),
        ("variant A of B { replace with gelu }", "expected a selector", "which steps"),
        ("variant A of B { remove }", "expected a selector", "which steps"),
        ("variant A of B { delete relu }", "`delete` cannot stand here", "`remove`"),
        ("variant A of B { insert relu after x }", "`after` or `before`", ""),
        ("variant A of B { insert after x relu }", "expected `{`", "braces"),
        ("variant A of B { wrap x with relu }", "wrapped with `skip`", ""),
        ("variant A of B { set width 3 }", "expected `=`", ""),
        ("variant A of B { set width = 3 for }", "expected a selector", "which steps"),
        ("variant A of B { insert after x { relu relu } }", "`relu` cannot stand here", "ends with its line"),
    ],
)
def test_a_slip_is_one_problem_and_what_follows_is_read(text: str, said: str, hint: str) -> None:
    file, problems = read(f"{text}\nvariant C of D {{ remove gelu }}\n")
    assert len(problems) == 1, [one.message() for one in problems]
    assert said in problems[0].message()
    assert hint in (problems[0].help or "")
    last = file.items[-1]
    assert isinstance(last, tree.Variant)
    assert len(last.edits) == 1


def test_a_slip_in_one_edit_leaves_the_others() -> None:
    file, problems = read("variant A of B {\n  remove a\n  replace b gelu\n  wrap c with skip\n  unwrap\n  remove d\n}\n")
    assert [one.at.line for one in problems] == [3, 5]
    assert [one.selector.text for one in file.items[0].edits] == ["a", "c", "d"]


def test_layout() -> None:
    text = """\
## Odd.
variant   Odd of Base{
  set   width=16,depth = 2   # wider
  replace relu   in Bottleneck and not  "a  b"   with gelu


  insert after fc1{drop: Dropout(0.1)}; unwrap [skip]
  insert before "set" {
  relu
  }
      replace fc2
        with Linear(4) -> relu
}
variant Same of Odd { }
variant One of Odd { remove relu; remove gelu }
"""
    laid_out = """\
## Odd.
variant Odd of Base {
  set width = 16, depth = 2  # wider
  replace relu in Bottleneck and not "a  b" with gelu

  insert after fc1 { drop: Dropout(0.1) }
  unwrap [skip]
  insert before "set" {
    relu
  }
  replace fc2
    with Linear(4) -> relu
}
variant Same of Odd {}
variant One of Odd { remove relu; remove gelu }
"""
    assert format_source(Source("a.arch", text)) == laid_out


def test_edits_alone() -> None:
    problems = Problems()
    found = read_edits("replace relu with gelu; remove dropout\nset bias = false for Linear", problems)
    assert [one.word for one in found] == ["replace", "remove", "set"]
    assert not problems.errors
    assert read_edits("remove } arch X = Y", problems) == ()
    assert problems.errors


def test_edits_alone_have_their_places_in_their_own_text() -> None:
    problems = Problems()
    (first, second) = read_edits("replace relu with gelu\nremove tanh", problems)
    assert second.selector is not None
    assert (first.span.line, second.selector.span.line, second.selector.span.text) == (1, 2, "tanh")
    assert first.span.source.text == "replace relu with gelu\nremove tanh"
    read_edits("replace relu gelu", problems)
    assert str(problems.errors[0].at) == "<edits>:1:18"
