"""The reference's examples parse, and what is left of them when they are cut gives only problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.problems.collector import Problems
from archdsl.source import Source, SourceFault
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from tests.syntax.reading import EXAMPLES, read, read_well

NAMES = {
    "ffjord": "ConcatSquash Net Divergence HutchinsonDivergence Augmented RK4 pi standard_normal FFJORD",
    "gat": "GATConv GAT",
    "gpt2": "CausalSelfAttention MLP Block GPT2 GPT2XL",
    "lstm": "LSTM BiLSTM Tagger",
    "mamba": "Mixer Mamba",
    "mobilenet_v2": "snap divisible stages ConvNorm InvertedResidual MobileNetV2",
    "neural_ode": "RK4 NeuralODE",
    "ntm": "cosine address NTM",
    "resnet": "BasicBlock Bottleneck Stage ResNet ResNet18 ResNet50 ResNeXt50",
    "rwkv4": "shift mix TimeMix ChannelMix RWKV",
    "sd_unet": "Resnet Attention GEGLU TransformerBlock SpatialTransformer UNet2DCondition",
    "seq2seq": "AdditiveAttention Seq2Seq",
    "t5": "bucket Attention SelfLayer CrossLayer FeedForward Stack T5 T5Base",
    "unet": "Double UNet",
}


def names(item: tree.Item) -> tuple[str, ...]:
    return item.targets if isinstance(item, tree.Let) else (getattr(item, "name", "?"),)


def test_all_examples_are_here() -> None:
    assert {path.stem for path in EXAMPLES} == set(NAMES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_parses(path: Path) -> None:
    file = read_well(path.read_text())
    assert [name for item in file.items for name in names(item)] == NAMES[path.stem].split()
    assert file.doc is not None
    assert file.doc.splitlines()[0] in path.read_text().splitlines()[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_spans_lie_inside_the_spans_above_and_cover_the_names(path: Path) -> None:
    file = read_well(path.read_text())
    for item in file.items:
        for node in item.walk():
            for child in node.children():
                assert node.span.start <= child.span.start <= child.span.end <= node.span.end
            if isinstance(node, tree.Name):
                assert node.span.text == node.name
            if isinstance(node, tree.Block | tree.Arch | tree.Fn | tree.Variant):
                assert node.name_span.text == node.name


def check_cut(data: bytes) -> None:
    """Only problems, each with a place inside the text and a message in one line."""
    try:
        source = Source.from_bytes("cut.arch", data)
    except SourceFault:
        return
    problems = Problems()
    file = parse(source, problems)
    broken = any(isinstance(node, tree.Broken) for item in file.items for node in item.walk())
    for problem in problems.sorted():
        assert 0 <= problem.at.start <= problem.at.end <= len(source.text)
        assert problem.message()
        assert "\n" not in problem.message()
    assert problems.errors or not broken


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_prefix_gives_only_problems(path: Path) -> None:
    data = path.read_bytes()
    for end in range(0, len(data), 13):
        check_cut(data[:end])


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_prefix_gives_only_problems(path: Path) -> None:
    data = path.read_bytes()
    for end in range(len(data)):
        check_cut(data[:end])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_line_less_gives_only_problems(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    for at in range(len(lines)):
        check_cut(b"".join(lines[:at] + lines[at + 1 :]))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_token_less_or_doubled_gives_only_problems(path: Path) -> None:
    from archdsl.syntax.lexer import tokenize

    text = path.read_text()
    tokens = tokenize(text)
    for at in range(0, len(tokens.kinds) - 1, 17):
        start, end = tokens.starts[at], tokens.ends[at]
        check_cut((text[:start] + text[end:]).encode())
        check_cut((text[:end] + " " + text[start:]).encode())


def test_a_broken_item_hides_no_other() -> None:
    file, problems = read("block A(x int) { a b }\nlet n = = 3\narch B = C(1)\nblock D { e: : f }\nblock E { relu }\n")
    assert [problem.at.line for problem in problems] == [1, 1, 2, 4]
    assert [type(item).__name__ for item in file.items] == ["Broken", "Broken", "Variant", "Block", "Block"]


def test_a_broken_statement_hides_no_other() -> None:
    text = "block A {\n  conv: Linear(64 32)\n  relu\n  skip(add add) {\n    a b\n    relu\n"
    text += "  } via if x {\n    c d\n  }\n  y = = 1\n  tanh\n}\n"
    file, problems = read(text)
    assert [problem.at.line for problem in problems] == [2, 4, 5, 8, 10]
    (item,) = file.items
    assert isinstance(item, tree.Block)
    kinds = [type(statement).__name__ for statement in item.body.statements]
    assert (kinds[0], kinds[1], kinds[-2], kinds[-1]) == ("Broken", "Flow", "Broken", "Flow")


def test_an_unclosed_bracket_hides_no_statement_below() -> None:
    _, problems = read("block A {\n  Linear(64\n  relu\n  let scan = 3\n}\nblock B {\n  a = f([1, 2)\n  c d\n}\n")
    assert [(problem.code, problem.at.line) for problem in problems] == [
        ("unclosed-bracket", 2), ("reserved-name", 4), ("unclosed-bracket", 7), ("unexpected-token", 8),
    ]  # fmt: skip
    file, problems = read("block A {\n  skip {\n    relu\n\nblock B {\n  tanh\n}\n")
    assert [problem.code for problem in problems][0] == "unclosed-bracket"
    assert [getattr(item, "name", "") for item in file.items] == ["A", "B"]
