"""A graph printed as text is read back as the same program, and prints as the same text again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import archdsl
from archdsl.analyses.difference import differences
from archdsl.compiler import Spec
from archdsl.dims.dim import Dim
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph
from archdsl.ir.verify import verify
from archdsl.ops.contract import Example, Op, OpFault
from archdsl.ops.registry import find, known
from archdsl.passes.contract import Pass
from archdsl.passes.registry import every_pass
from archdsl.problems.problem import ArchError
from archdsl.source import Source
from archdsl.syntax.format import format_source
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.torch.module import build
from tests.elaborate.programs import programs
from tests.elaborate.reading import graph as graph_of
from tests.ops.cases import read_input
from tests.oracles.living import randomise
from tests.passes.scans.test_random_bodies import Body, bodies
from tests.targets.arch.equality import check_same
from tests.targets.arch.hard_programs import PROGRAMS, UNSAYABLE

PASSES = [kind() for kind in every_pass().values()]
ROOT = Path(__file__).resolve().parents[3]
FILES = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "tests/data/examples").glob("*.arch")])


def read(text: str) -> Spec:
    return archdsl.load(Source("printed.arch", text))


def there_and_back(graph: Graph) -> str:
    """The text, once it is found that it comes back."""
    text = archdsl.print_arch(graph)
    again = read(text)
    made = again.graph(graph.name)
    assert not again.check(), "no problem, and no warning"
    assert not verify(made)
    check_same(graph, made)
    assert archdsl.print_arch(made) == text
    assert format_source(Source("printed.arch", text)) == text
    return text


def standing(spec: Spec) -> Iterator[Graph]:
    """The architectures that need no configuration."""
    for name in spec.names:
        with suppress(ArchError):
            yield spec.graph(name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_architecture_of_each_file_comes_back(file: Path) -> None:
    graph = next(standing(archdsl.load(file)))
    text = there_and_back(graph)
    assert not differences(graph, read(text).graph(graph.name))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_architecture_comes_back(file: Path) -> None:
    for graph in standing(archdsl.load(file)):
        there_and_back(graph)


@given(programs())
@settings(max_examples=60, deadline=None)
def test_random_programs_come_back(program: tuple[str, object, object]) -> None:
    there_and_back(read(program[0]).graph())


@given(bodies())
@settings(max_examples=25, deadline=None)
def test_random_scans_come_back(body: Body) -> None:
    try:
        graph = read(body.text).graph()
    except ArchError:  # a carry that stays as it is
        return
    there_and_back(graph)


@given(programs(), st.lists(st.sampled_from(PASSES), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_random_programs_come_back_after_random_passes(program: tuple[str, object, object], chosen: list[Pass]) -> None:
    graph = read(program[0]).graph()
    for one in chosen:
        with suppress(ArchError, ValueError):  # it has nothing to do here
            graph = one.run(graph)
    with suppress(Unsayable):
        there_and_back(graph)


def example_graph(kind: type[Op], example: Example) -> Graph | None:
    """An arch of one step: the example. None where no program has it: facts, symbolic weights, sizes as text."""
    sizes_as_text = any(isinstance(value, str) and "size" in kind.fields[name].kind for name, value in example.args.items())
    if example.facts or sizes_as_text or (kind.name == "where" and "[" not in "".join(example.inputs[1:])):
        return None
    builder = Builder("A", "arch")
    given = []
    for index, text in enumerate(example.inputs):
        one = read_input(text) if text != "none" else None
        given.append(one if one is None or isinstance(one, (int, float, Dim)) else builder.input(f"in{index}", one))
    operands = [*given, *[None] * (0 if "*" in "".join(kind.tensors) else len(kind.tensors) - len(given))]
    types = [one.type for one in given if one is not None and not isinstance(one, (int, float, Dim))]
    sizes = [size for one in types for size in one.shape] + [
        size for value in example.args.values() for size in (value if isinstance(value, tuple) else (value,))
    ]
    symbols = sorted({name for size in sizes if isinstance(size, Dim) for name in size.symbols})
    builder.input("sizes", f"[{', '.join(symbols)}]")
    try:
        op = kind(**example.args)
        made = builder.layer("l", op, *operands) if kind.layer else builder.op(op, *operands)
        symbolic = kind.layer and any(
            isinstance(size, Dim) for weight in op.bind(builder.context, *types).parameters().values() for size in weight.shape
        )
    except OpFault:
        return None
    results = made if isinstance(made, tuple) else (made,)
    return None if symbolic else builder.finish({f"o{at}": one for at, one in enumerate(results)})


@pytest.mark.parametrize("word", sorted(known()))
def test_every_operator_prints_from_its_contract(word: str) -> None:
    kind = find(word)
    assert kind is not None
    for example in kind.examples:
        graph = example_graph(kind, example)
        if graph is None:
            continue
        try:
            text = archdsl.print_arch(graph)
        except Unsayable as fault:
            assert "inf" in str(fault)
            continue
        try:
            made = read(text).graph()
        except ArchError as fault:
            assert word == "linspace", fault  # its ends are sizes only where the compiler makes it
            continue
        check_same(graph, made)
        assert archdsl.print_arch(made) == text


@pytest.mark.parametrize("one", PASSES, ids=lambda one: one.word)
@pytest.mark.parametrize("name", ["resnet", "gpt2", "bert", "lstm", "swin"])
def test_what_a_pass_makes_comes_back(name: str, one: Pass) -> None:
    before = next(standing(archdsl.load(ROOT / "specs" / f"{name}.arch")))
    try:
        after = one.run(before)
    except ArchError:  # it has nothing to do here
        return
    if after is before:
        return
    try:
        there_and_back(after)
    except Unsayable as fault:
        assert one.word in ("cast", "autocast", "checkpoint", "quantize-dynamic") or "shared" in str(fault), fault


NUMBERS = {
    "layers": "a: Linear(4)\nrelu\nskip { n: LayerNorm; b: Linear(4) } via s: Linear(4)\nBatchNorm1d",
    "sharing": "shared f = Linear(8)\nf\ntanh\nf\nit + f.bias\nlast: Linear(8, weight=f.weight)",
    "a scan": "scan v in x over axis 1 {\n carry h = zeros(N)\n carry g = ones(N)\n h, g = (g * sin(v), h + v)\n yield h * g\n"
    " final g\n}\n_, g = it\ng",
    "constants": "buffer m: [8, 8] = tril(constant([[0.5]]) + arange(8) / 8)\nparam p: [8] = normal(std=0.1)\nx @ m + p",
    "signs": "y = -x ** 2 - (x - (1 - x)) / (2 * x / (x * 3))\nwhere(not (y > 1 and y < 2 or x == y), y // 2 % 3, y[:, ::1] * 2)",
    "training": "d: Linear(8)\nif training { it * 2 } else { tanh }",
}


@pytest.mark.parametrize("text", NUMBERS.values(), ids=NUMBERS)
def test_the_numbers_are_the_same(text: str) -> None:
    before = graph_of(text)
    after = read(there_and_back(before)).graph()
    torch.manual_seed(0)
    one, other = build(before, dtype=torch.float64), build(after, dtype=torch.float64)
    randomise(one)
    assert list(one.state_dict()) == list(other.state_dict())
    other.load_state_dict(one.state_dict())
    x = torch.rand(3, 8, dtype=torch.float64)
    for module in (one, other):
        module.eval()
    with torch.no_grad():
        assert torch.equal(one(x), other(x))
    for module in (one, other):
        module.train()
    with torch.no_grad():
        assert torch.equal(one(x), other(x))


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_a_hard_program_comes_back(text: str) -> None:
    there_and_back(read(text).graph("A"))


@pytest.mark.parametrize("text", UNSAYABLE.values(), ids=UNSAYABLE)
def test_what_has_no_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(Unsayable, match="shared"):
        archdsl.print_arch(read(text).graph("A"))


def test_the_text_reads_as_an_author_writes() -> None:
    text = there_and_back(archdsl.load(ROOT / "specs/gpt2.arch").graph("GPT2"))
    for line in (
        'q, k, v = c_attn: Linear(2304, transposed=true) -> rearrange("b t (n h d) -> n b h t d", n=3, h=12) -> unbind',
        "attention(q, k, v, causal=true, dropout=0.1)",
        "skip { ln_1: LayerNorm; attn: GPTAttention }",
        'require T <= 1024, "the sequence is longer than the context"',
        "shared wte = transformer.wte: Embedding(50257, 768)",
        "transformer: { h: repeat 12 { Block }; ln_f: LayerNorm }",
        "lm_head: Linear(50257, bias=false, weight=wte.weight)",
    ):
        assert f"  {line}\n" in text


def test_blocks_that_differ_in_a_size_of_their_input_alone_are_one() -> None:
    text = there_and_back(archdsl.load(ROOT / "specs/densenet.arch").graph("DenseNet121"))
    assert text.count("block DenseLayer(x: [N, C, H, W])") == text.count("block DenseLayer") == 1
    assert 'denseblock3: { repeat i in 1..25 { "denselayer{i}": DenseLayer } }\n' in text


def test_given_inputs_and_configuration_are_filled_in() -> None:
    spec = archdsl.load(ROOT / "specs/bert.arch")
    text = there_and_back(spec.graph("Bert", given=["mask"], depth=2, width=48, heads=4))
    assert "mask: bool[B, T]" in text
    assert "width" not in text
