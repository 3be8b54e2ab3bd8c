"""Precedence, new lines, words and numbers as labels, documentation: section 2 of the language."""

from __future__ import annotations

import pytest

from archdsl.syntax import tree
from archdsl.syntax.kinds import RESERVED
from tests.syntax.reading import codes, expression, read_well, shape, statements


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("-a ** b", "-(**(a, b))"),
        ("a ** b ** c", "**(a, **(b, c))"),
        ("a ** -b", "**(a, -(b))"),
        ("-a * b", "*(-(a), b)"),
        ("a * b / c // d % e @ f", "@(%(//(/(*(a, b), c), d), e), f)"),
        ("a + b * c - d", "-(+(a, *(b, c)), d)"),
        ("0..n + 1", "..(0, +(n, 1))"),
        ("a + 1 == b * 2", "==(+(a, 1), *(b, 2))"),
        ("i in 0..n", "in(i, ..(0, n))"),
        ("not a == b and c or d", "or(and(not(==(a, b)), c), d)"),
        ("not not a", "not(not(a))"),
        ("a or b if c else d if e else f", "if(c, or(a, b), if(e, d, f))"),
        ("f(x)[0].weight", "f(x)[0].weight"),
        ("x.0.weight[1:, ..., ::2, none](3)", "x.0.weight[1::, ..., ::2, none](3)"),
        ("a.b ** 2", "**(a.b, 2)"),
        ("-f(x)", "-(f(x))"),
        ("(a,)", "tuple(a)"),
        ("(a)", "(a)"),
        ("(a, m=b)", "tuple(a, m=b)"),
        ("[1, 2,]", "[1, 2]"),
        ("f(a, b=c -> d,)", "f(a, b=c -> d)"),
        ("f(x: g)", "f(x: g)"),
        ("f({ g; h })", "f({g; h})"),
        ("1_000 + 1_0.5e-1_0", "+(1000, 1.05e-09)"),
        ('"a\\n\\t\\"\\\\"', repr('a\n\t"\\')),
        ("x[a:b, a:, :b, :, a::s, :b:s, a:b:s]", "x[a:b:, a::, :b:, ::, a::s, :b:s, a:b:s]"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert shape(expression(text)) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("k + q -> f", "+(k, q) -> f"),
        ("x -> f + y", "x -> +(f, y)"),
        ("a: f(x) -> g as y", "a: f(x) -> g as y"),
        ("y = a + b -> c: f", "y = +(a, b) -> c: f"),
        ("a, b = f -> g", "a,b = f -> g"),
        ("f as (a, b)", "f as a,b"),
        ("a: { b: f; g } -> h", "a: {b: f; g} -> h"),
    ],
)
def test_chains(text: str, meaning: str) -> None:
    assert "; ".join(map(shape, statements(text))) == meaning


@pytest.mark.parametrize("text", ["a < b < c", "a == b == c", "a in b in c", "+a", "0..n..m", "a not in b", "f(-)"])
def test_what_has_no_meaning(text: str) -> None:
    assert codes(f"let x = {text}") == ["unexpected-token"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a\nb", 2),
        ("a; b;; c\n;", 3),
        ("a\n\n# c\n\n  -> b", 1),
        ("a ->\n\n# c\n b", 1),
        ("a\n- b", 1),
        ("a\n+ b\n* c\n== d\nand e\nor f", 1),
        ("a +\nb", 1),
        ("x =\na", 1),
        ("a:\nb", 1),
        ("f(\na\n,\nb\n)\n[\n0\n]", 2),
        ("f(\na\n,\nb\n)[\n0\n]", 1),
        ("skip { a }\nvia b", 1),
        ("skip { a } via\nb", 1),
        ("if a { b }\nelse { c }", 1),
        ("if a { b } else\nif d { c }\n# e\nelse { f }", 1),
        ("a\nas b", 1),
        ("yield a,\nb", 1),
        ("let x = not\na", 1),
        ("f({ a\n b\n c }, 1)", 1),
        ("a\n{ b }", 2),
        ("a\nas: b", 2),
        ("a\nvia.x: b", 2),
        ("a\nelse: f", 2),
        ("a\nas = 3", 2),
    ],
)
def test_new_lines(text: str, count: int) -> None:
    found = codes("block B {\n" + text + "\n}")
    if text.endswith("as = 3"):
        assert found == ["reserved-name"]
        return
    assert len(statements(text)) == count


@pytest.mark.parametrize("word", RESERVED)
def test_a_reserved_word_is_a_label_an_argument_and_a_leaf(word: str) -> None:
    (label, dotted, argument, leaf) = statements(f"{word}: f\na.{word}.b: f\nf({word}=1)\nx.{word}")
    assert shape(label) == f"{word}: f"
    assert shape(dotted) == f"a.{word}.b: f"
    assert shape(argument) == f"f({word}=1)"
    assert shape(leaf) == f"x.{word}"


@pytest.mark.parametrize("word", RESERVED)
def test_a_reserved_word_names_no_value(word: str) -> None:
    for text in (f"block B {{\n  {word} = 3\n}}", f"let {word} = 3", f"block B({word}: int) {{ f }}"):
        assert codes(text) == ["reserved-name"]
    assert codes(f"block B {{\n  f as {word}\n}}") == ["unexpected-token"]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("0: f", ["0"]),
        ("0.1: f", ["0", "1"]),
        ("a.0.1.2.b: f", ["a", "0", "1", "2", "b"]),
        ("layer.0.1: f", ["layer", "0", "1"]),
        ('"x{i}".0: f', ["x{i}", "0"]),
        ("_: f", ["_"]),
    ],
)
def test_labels(text: str, segments: list[str]) -> None:
    (statement,) = statements(text)
    assert isinstance(statement, tree.Flow)
    label = statement.chain.links[0].step.label
    assert label is not None
    assert [segment.text for segment in label.segments] == segments
    assert [segment.quoted for segment in label.segments] == [segment.startswith("x") for segment in segments]
    assert [segment.span.text.strip('"') for segment in label.segments] == segments


def test_documentation() -> None:
    file = read_well(
        "## The file.\n## More.\nlet a = 1\n\n## Of b.\n##\n## Still.\nblock B { f }\n## Of none.\n\nblock C { f }\n"
        "# plain\nlet d = 2  ## no\n## Of e\n  let e = 3"
    )
    assert file.doc == "The file.\nMore."
    docs = [getattr(item, "doc", None) for item in file.items]
    assert docs == [None, "Of b.\n\nStill.", None, None, "Of e"]
    assert [comment.own_line for comment in file.comments] == [True] * 7 + [False, True]
    assert file.comments[-2].text == "## no"


def test_types() -> None:
    header = "(a: int | list[list[int]] | none, x: i64[B, ..., 4*w, _] = none)(y: []) -> [N], z: f32[] when training"
    file = read_well(f"block B{header} {{ f }}")
    (item,) = file.items
    assert isinstance(item, tree.Block)
    (first, second), (third,) = item.lists
    assert isinstance(first.type, tree.UnionType)
    named = first.type.options[1]
    assert isinstance(named, tree.NamedType)
    assert isinstance(named.element, tree.NamedType)
    assert named.element.element == tree.NamedType(named.element.element.span, "int")
    assert isinstance(second.type, tree.TensorTypeTree)
    assert (second.type.dtype, len(second.type.dims)) == ("i64", 4)
    assert isinstance(third.type, tree.TensorTypeTree)
    assert third.type.dims == ()
    assert item.outs is not None
    assert [(out.name, out.training) for out in item.outs] == [(None, False), ("z", True)]


def test_statements() -> None:
    text = """
    require a == 1, "why"
    param p: [D] = zeros
    param q = a.0: [D] = zeros
    buffer b: [D] = f
    buffer(persistent=false) c = "x{i}": [D] = f
    shared f = w: Linear(3)
    init Linear.weight = normal
    default BatchNorm2d(eps=1e-3)
    head a
    head b when training { f }
    repeat 3 { f }
    repeat i in xs { f }
    repeat i, (a, b) in xs { f }
    branch { f }
    branch(concat) { f }
    branch r in rs { f }
    branch(concat, axis=1) (r, s) in rs { f }
    y = scan a in x, b in y over axis -1 reverse { carry h: [B] = 0; carry g = 1; h = a; yield h, g; final h, g; until h }
    expect { params == 3; macs(N=1) > 2 }
    """
    kinds = " ".join(type(statement).__name__ for statement in statements(text))
    assert kinds == (
        "Require Param Param Buffer Buffer Shared Init Default Head Head Flow Flow Flow Flow Flow Flow Flow Assign Expect"
    )
