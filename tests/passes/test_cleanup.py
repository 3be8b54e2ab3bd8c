"""The clean-up passes: what they take away, and that nothing else changes, on the examples and the zoo."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.ir.graph import Graph
from archdsl.ir.verify import verify
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import UnknownPass, every_pass, read_pass
from archdsl.targets.torch.module import build
from tests.elaborate.reading import graph
from tests.oracles.living import randomise

ROOT = Path(__file__).resolve().parents[2]
PASSES = [kind() for kind in every_pass().values() if ".cleanup." in kind.__module__]
FILES = sorted([*(ROOT / "tests/data/examples").glob("*.arch"), *(ROOT / "specs").glob("[l-n]*.arch")])
PROGRAMS = {
    "arithmetic": "y = x * 1 + 0\nz = (zeros(N, 8) + 1) * 2\nexp(y)\nsin(y) + sin(x) - (-z)",
    "shapes": "transpose(0, 1)\ntranspose(0, 1)\nreshape(N, 2, 4)\nreshape(N, 8)\nunsqueeze(1)\nsqueeze(1)"
    "\nexpand(N, 8)\ncast(float)",
    "permutes": "reshape(N, 2, 4)\npermute(2, 0, 1)\npermute(1, 2, 0)\npermute(2, 1, 0)",
    "layers": "shared f = Linear(8)\na = x -> f\nb = x -> f\na + b -> BatchNorm1d"
    "\nc = x -> d: Dropout(0.5)\nd = x -> e: Dropout(0.5)\nit + c + d",
    "a scan": "scan v in x over axis 1 {\n carry h = zeros(N)\n h = h * 1 + sin(v) + sin(v)\n unused = exp(h)\n yield -(-h)\n}",
    "training": "if training { relu\nrelu } else { x * 1\nabs }",
    "a derivative": "shared f = { Linear(8)\ntanh\nLayerNorm }\n_, d = (x, sin(x)) -> jvp(f, 0)\nd * 1",
}


def count(one: Graph) -> int:
    return sum(len(below.nodes) for below in one.graphs())


def same(before: Graph, after: Graph) -> None:
    """Valid, with the keys and types of before, and no more nodes."""
    assert not verify(after)
    assert [(path, tensor.type) for path, tensor in after.tensors()] == [(path, tensor.type) for path, tensor in before.tensors()]
    assert after.output_types == before.output_types
    assert count(after) <= count(before)


@pytest.mark.parametrize("one", PASSES, ids=lambda one: one.word)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_pass_keeps_keys_and_types_and_is_done_after_once(file: Path, one: Pass) -> None:
    spec = archdsl.load(file)
    before = spec.graph(spec.names[0])
    after = one.run(before)
    same(before, after)
    assert one.run(after) is after


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_passes_keep_the_numbers(text: str, training: bool) -> None:
    before = graph(text)
    x = torch.randn(5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    first = randomise(build(before)).double().train(training)
    torch.manual_seed(3)
    wanted = first(x)
    after = before
    for one in PASSES:
        after = one.run(after)
        same(before, after)
        other = build(after).double().train(training)
        other.load_state_dict(first.state_dict(), strict=True)
        torch.manual_seed(3)
        made = other(x)
        assert torch.allclose(made, wanted, rtol=1e-12, atol=1e-12), one.word


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_passes_in_any_order(text: str) -> None:
    before = graph(text)
    x = torch.randn(5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    first = randomise(build(before)).double().eval()
    for order in list(permutations(PASSES))[::5]:
        after = before
        for one in order:
            after = one.run(after)
            same(before, after)
        other = build(after).double().eval()
        other.load_state_dict(first.state_dict(), strict=True)
        assert torch.allclose(other(x), first(x), rtol=1e-12, atol=1e-12), [one.word for one in order]


@pytest.mark.parametrize(
    ("text", "passes", "left"),
    [
        ("x * 1 + 0", "identities", []),
        ("transpose(0, 1)\ntranspose(1, 0)", "identities", []),
        ("transpose(0, 1)\ntranspose(-1, -2)", "identities", []),
        ("reshape(N, 2, 4)\nreshape(2 * N, 4)\nreshape(N, 8)", "identities", []),
        ("reshape(N, 2, 4)\npermute(1, 0, 2)\npermute(1, 2, 0)", "identities", ["reshape", "permute"]),
        ("unsqueeze(1)\nsqueeze(2)", "identities", None),
        ("x + (-sin(x))", "identities", ["sin", "sub"]),
        ("sin(x) + sin(x)", "common-values", ["sin", "add"]),
        ("x * 1.0 + x * 1", "common-values", ["mul", "mul", "add"]),
        ("(x + 1) * (x + 1)", "common-values", ["add", "mul"]),
        ("x + (zeros(N, 8) + 1) * 3", "constants", ["full", "add"]),
        ("x + zeros(2, 4, dtype=float) -> reshape(N, 8)", "constants", None),
        ("x + expand(full([1, 8], 2.5), N, 8)", "constants", ["full", "expand", "add"]),
        ("exp(x)\ny = x\ny * 2", "dead-values", ["mul"]),
    ],
)
def test_what_is_left(text: str, passes: str, left: list[str] | None) -> None:
    try:
        before = graph(text)
    except archdsl.ArchError:
        assert left is None
        return
    after = every_pass()["dead-values"]().run(every_pass()[passes]().run(before))
    assert [node.op.name for node in after.nodes if node.op is not None] == left


def test_what_draws_and_what_counts_stays() -> None:
    before = graph("a = x -> d: Dropout(0.5)\nb = x -> n: BatchNorm1d\nc = x -> f: Linear(8)\nx * 2")
    after = every_pass()["dead-values"]().run(before)
    assert [node.member for node in after.nodes if node.member is not None] == [("d",), ("n",)]
    twice = graph("shared f = Dropout(0.5)\n(x -> f) + (x -> f)")
    assert every_pass()["common-values"]().run(twice) is twice


def test_refusals_have_reasons() -> None:
    refusals: list[Refusal] = []
    every_pass()["identities"]().run(graph("transpose(0, 1)\nunsqueeze(0)\ntranspose(0, 1)\ntranspose(1, 2)"), refusals=refusals)
    assert [str(one) for one in refusals] == ["Net.x_4: transpose(transpose(x)) = x: they swap other axes"]


def test_passes_with_options() -> None:
    assert read_pass("constants{most=16}") == every_pass()["constants"](most=16)  # type: ignore[call-arg]
    assert read_pass(" common-values { layers = false } ") == every_pass()["common-values"](layers=False)  # type: ignore[call-arg]
    text = "x + (zeros(N, 8) + 8) * 8"
    assert count(read_pass("constants{most=16}").run(graph(text))) == count(graph(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dead-value", "did you mean `dead-values`"),
        ("what", "there are "),
        ("constants{mots=3}", "did you mean `most`"),
        ("constants{most=many}", "`most` of `constants` is like 256"),
        ("common-values{layers=1}", "true or false"),
        ("identities{a=1}", "it has none"),
        ("{}", "is no pass"),
    ],
)
def test_what_is_no_pass(text: str, said: str) -> None:
    with pytest.raises(UnknownPass) as fault:
        read_pass(text)
    assert said in str(fault.value)
