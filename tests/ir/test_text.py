"""A graph printed and read back is equal, and the text is the same again."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.dims.dim import Size, scale, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph, Initializer
from archdsl.ir.text import literal, print_graph, read_graph, size_text
from archdsl.ir.text_line import Line, read_size_text
from archdsl.ir.value import Value
from archdsl.ir.verify import verify
from archdsl.ops.contract import Op
from archdsl.ops.registry import find
from tests.ir.everything import everything, programs


def op(name: str, **args) -> Op:
    kind = find(name)
    assert kind is not None
    return kind(**args)


def there_and_back(graph: Graph) -> str:
    text = print_graph(graph)
    read = read_graph(text)
    assert read == graph
    assert print_graph(read) == text
    assert [one.name for one in read.graphs()] == [one.name for one in graph.graphs()]
    assert list(read.members) == list(graph.members)
    assert (read.loops, read.doc, read.parameters) == (graph.loops, graph.doc, graph.parameters)
    return text


@pytest.mark.parametrize("name", programs())
def test_every_program_is_read_back(name: str) -> None:
    there_and_back(programs()[name])


def test_the_text_says_what_counts() -> None:
    text = there_and_back(everything())
    for line in (
        "fact `T` % 2",
        "keyword mask absent",
        "param scale as scale: [16] = ones()",
        "block blocks.1 = @Mix",
        "tie lm_head.weight -> wte.weight",
        "alias again -> act",
        "x_3: [N, T // 2, 2, 16] = (x_2) -> reshape(sizes=(`N`, `T // 2`, 2, 16)) at 0",
        "x_5: [N, T, 16] = (x_4) -> self blocks.0 lend act = self act",
        "x_13: [20, 16] = () -> self wte leaf weight",
        "training aux = x_12",
        'door `T` % 2 "an even number of tokens"',
    ):
        assert f"  {line}\n" in text
    assert text.count("block @Mix ") == 1, "equal blocks are printed once"
    assert str(everything()) == text


def test_shared_graphs_are_shared_when_read() -> None:
    read = read_graph(print_graph(everything()))
    assert read.members["blocks", "0"].graph is read.members["blocks", "2"].graph  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "broken",
    ["", "block", 'block @A "A" {', 'block @A "A" {\n  output x\n}', 'block @A "A" {\n  x: [N] = () -> nothing()\n}',
     'block @A "A" {\n  input x: [N\n}', 'block @A "A" {\n  input x: [N] too much\n}', 'block @A "A" {\n  block b = @B\n}',
     'block @A "A" {\n  let x = __import__("os")\n}'],
)  # fmt: skip
def test_what_is_no_graph_is_refused_with_its_line(broken: str) -> None:
    with pytest.raises(ValueError, match=r"line \d+|no whole graph"):
        read_graph(broken)


SYMBOLS = st.sampled_from(["N", "T", "H", "floor", "max"]).map(symbol)
SIZES = st.recursive(
    st.one_of(st.integers(1, 9), SYMBOLS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] + two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] * two[1]),
        st.tuples(inner, st.integers(2, 5)).map(lambda two: two[0] // two[1]),
        st.tuples(inner, st.integers(2, 5)).map(lambda two: two[0] % two[1]),
    ),
    max_leaves=6,
)
LITERALS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), SIZES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=8,
)


@given(SIZES, st.sampled_from([Facts(), Facts().and_divisible(symbol("H"), 4).and_at_most(symbol("T"), 64)]))
def test_sizes_are_read_back(size: Size, facts: Facts) -> None:
    for one in (size, facts.simplify(size)):
        assert read_size_text(size_text(one, facts), facts) == one


def test_a_size_in_fractions_is_read_back() -> None:
    half = scale(symbol("H"), Fraction(1, 2)) + symbol("W") * symbol("W")
    assert read_size_text(size_text(half, Facts()), Facts()) == half


@given(LITERALS)
def test_values_are_read_back(value: object) -> None:
    line = Line(literal(value))
    found = line.literal(Facts())
    assert (found, type(found), line.ended) == (value, type(value), True)


NAMES = st.sampled_from(["x", "y", "in", "none", "self", "a b", 'quo"te', "größe", "at", "0"])
LABELS = st.sampled_from(["fc", "block-1", "0", "a b", "trunk", "none", "é", 'q"'])


@st.composite
def graphs(draw: st.DrawFn, depth: int = 2) -> Graph:
    """A random well-typed graph of one float tensor `[N, T, 6]` and more, with blocks, parameters, ties and loops."""
    facts = draw(st.sampled_from([Facts(), Facts().and_divisible(symbol("T"), 2)]))
    builder = Builder(draw(st.sampled_from(["A", "B b"])), "block", facts=facts, doc=draw(st.text(max_size=9)))
    base = TensorType((symbol("N"), symbol("T"), 6))
    pool: list[Value] = [builder.input("x", base)]
    if draw(st.booleans()):
        builder.absent("mask")
    if draw(st.booleans()):
        init = Initializer("normal", (("std", draw(st.floats(0, 1))),))
        pool.append(builder.parameter(("w", draw(LABELS)), "[6]", init, name=draw(NAMES), persistent=draw(st.booleans())))
    for index in range(draw(st.integers(1, 6))):
        x = draw(st.sampled_from([one for one in pool if one.type.shape == base.shape]))
        kind = draw(st.sampled_from(["relu", "add", "number", "linear", "norm", "softmax", "block", "again", "half"]))
        name = draw(NAMES)
        label = (f"s{index}", draw(LABELS))
        if kind == "relu":
            pool.append(builder.op(op("relu"), x, name=name, path=label))
        elif kind == "add":
            pool.append(
                builder.op(op("add"), x, draw(st.sampled_from([one for one in pool if one.type.shape in (base.shape, (6,))])))
            )
        elif kind == "number":
            pool.append(builder.op(op("mul"), x, draw(st.floats(-2, 2))))
        elif kind == "linear":
            pool.append(builder.layer(label, op("Linear", out_features=6, bias=draw(st.booleans())), x, name=name))
        elif kind == "norm":
            pool.append(builder.layer(label, op("LayerNorm", eps=draw(st.floats(1e-9, 1))), x))
        elif kind == "softmax":
            pool.append(builder.op(op("softmax", axis=draw(st.integers(-3, 2))), x))
        elif kind == "block" and depth:
            inner = draw(graphs(depth - 1))
            if not inner.facts or facts:
                pool.append(builder.call(label, inner, x, name=name))
        elif kind == "again" and builder._members:
            layers = [path for path, one in builder._members.items() if hasattr(one, "op")]
            if layers:
                pool.append(builder.again(draw(st.sampled_from(layers)), x, path=label))
        elif kind == "half" and facts:
            halves = builder.op(op("reshape", sizes=(symbol("N"), symbol("T") // 2, 12)), x)
            pool.append(builder.op(op("reshape", sizes=(symbol("N"), symbol("T"), 6)), halves))
    linear = [path for path, one in builder._members.items() if hasattr(one, "op") and one.op.name == "Linear"]
    if len(linear) > 1:
        builder.ties[(*linear[1], "weight")] = (*linear[0], "weight")
    return builder.finish(draw(st.sampled_from([one for one in pool if one.type.shape == base.shape])))


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_random_graphs_are_valid_and_read_back(graph: Graph) -> None:
    assert verify(graph) == ()
    there_and_back(graph)
