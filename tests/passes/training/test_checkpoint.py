"""The pass `checkpoint`: results, gradients and statistics stay, less is kept, and reasons where it cannot be."""

from __future__ import annotations

import pytest
import torch

import archdsl
from archdsl.ir.graph import Graph
from archdsl.ir.text import print_graph, read_graph
from archdsl.passes.pattern import Refusal
from archdsl.passes.training.checkpoint import Checkpoint
from archdsl.source import Source
from archdsl.targets.torch.source import print_source
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through
from tests.passes.reduced import REDUCED, reduced
from tests.passes.training.beside import equal, inputs_of, pair, step

LARGE = ("alexnet", "inception_v3")
BLOCK = "block B()(x: [N, 8]) -> [N, 8] { skip { fc: Linear(8)\n norm: BatchNorm1d\n drop: Dropout(0.3)\n tanh } }\n"


def agree(before: Graph, after: Graph) -> None:
    """One step of training gives the same outputs, gradients and buffers."""
    inputs = inputs_of(before)
    (out, found), (made, others) = (step(one, before, inputs) for one in pair(before, after))
    assert all(equal(*both) for both in zip(out, made, strict=True))
    assert list(found) == list(others)
    assert not [name for name in found if not equal(found[name], others[name])]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        *((one, "*.*") for one in REDUCED),
        *((one, "*") for one in ("bert", "mamba", "resnet_cifar", "swin", "t5", "unet", "vit")),
    ],
)
def test_the_zoo_learns_the_same(name: str, blocks: str) -> None:
    before = reduced(name)
    try:
        after = through(before, [Checkpoint(blocks=blocks)]).graph
    except archdsl.ArchError as none:
        assert [one.code for one in none.problems] == ["nothing-selected"]
        return
    if after is not before:
        assert "checkpoint" in print_source(after)
        if name not in LARGE:
            agree(before, after)


PROGRAMS = {
    "a block": (BLOCK + "arch Net(x: [N, 8]) { a: B; b: B }", "a b", 2),
    "a group": ("arch Net(x: [N, 8]) { a: { Linear(8); relu; Linear(8) }; b: Linear(4) }", "a", 1),
    "a group that takes two": ("arch Net(x: [N, 8]) { y = sin(x); z: { w: Linear(8); it + y }; it * y }", "z", 1),
    "a group that gives two": ("arch Net(x: [N, 8]) { z: { w: Linear(8) as v; v * x }; it * x }", "z", 1),
    "a group in a loop": ("arch Net(x: [N, 8]) { h: repeat 3 { a: { w: Linear(8); tanh }; it + x } }", "h.1.a", 1),
    "some of a list": (BLOCK + "arch Net(x: [N, 8]) { h: repeat 4 { B } }", "h.[12]", 2),
    "all of a list": (BLOCK + "arch Net(x: [N, 8]) { h: repeat 4 { B } }", "h.*", 4),
    "a list as one": (BLOCK + "arch Net(x: [N, 8]) { h: repeat 4 { B } }", "h", 1),
    "within a shared graph": (
        BLOCK + "block C()(x: [N, 8]) -> [N, 8] { in: B; out: B }\narch Net(x: [N, 8]) { a: C; b: C; c: C }", "b.in", 1,
    ),
    "a shared block": (BLOCK + "arch Net(x: [N, 8]) { shared f = B; x -> f -> f }", "f", 2),
    "in a scan": (
        "block S()(h: [N, 8], x: [N, 8]) -> [N, 8] { (h -> u: Linear(8)) + (x -> w: Linear(8)) -> tanh }\n"
        "arch Net(x: [T, N, 8]) { scan v in x over axis 0 { carry h = zeros(N, 8); h = (h, v) -> s: S; yield h } }", "s", 1,
    ),
    "in a choice": (BLOCK + "arch Net(x: [N, 8]) { shared f = B; if training { f } else { f; abs }; it * 2 }", "f", 2),
    "with a scan inside": (
        "arch Net(x: [T, N, 8]) { r: { scan v in x over axis 0 { carry h = zeros(N, 8)\n h = h + v -> w: Linear(8)\n yield h }"
        "\n tanh } }", "r", 1,
    ),
    "a parameter inside": ("arch Net(x: [N, 8]) { z: { param s: [8] = ones; it * s; relu } }", "z", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", PROGRAMS)
def test_programs(case: str) -> None:
    text, blocks, count = PROGRAMS[case]
    before = graph(text)
    refusals: list[Refusal] = []
    after = through(before, [Checkpoint(blocks=blocks)], refusals).graph
    assert not refusals
    assert print_graph(after).count('run "checkpoint"') == count
    assert [path for path, _ in after.tensors()] == [path for path, _ in before.tensors()]
    assert read_graph(print_graph(after)) == after
    agree(before, after)
    same(before, Checkpoint(blocks=blocks).apply(before))


REFUSED = {
    "a layer": ("arch Net(x: [N, 8]) { fc: Linear(8) }", "fc", "a checkpoint is a block"),
    "a function": ("arch Net(x: [N, 8]) { a: relu }", "a", "a checkpoint is a block"),
    "in pieces": ("arch Net(x: [N, 8]) { a.x: Linear(8); relu; a.y: Linear(8) }", "a", "other steps stand between"),
    "its layers are used elsewhere": (
        "arch Net(x: [N, 8]) { shared f = a.f: Linear(8); x -> f -> relu; a: { g: Linear(8); it -> f } }",
        "a", "called from elsewhere",
    ),
    "it calls what stands elsewhere": (
        "arch Net(x: [N, 8]) { shared f = Linear(8); x -> f -> relu; a: { g: Linear(8); it -> f } }", "a", "stands elsewhere",
    ),
    "it is lent a layer with statistics": (
        "block B(f: layer)(x: [N, 8]) -> [N, 8] { it -> f -> f }\n"
        "arch Net(x: [N, 8]) { shared n = BatchNorm1d(num_features=8); a: B(n) }", "a", "statistics",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_with_a_reason(case: str) -> None:
    text, blocks, reason = REFUSED[case]
    before = graph(text)
    refusals: list[Refusal] = []
    assert Checkpoint(blocks=blocks).run(before, refusals=refusals) is before
    assert [one for one in refusals if reason in one.reason], refusals


def test_less_is_kept_for_the_backward_pass() -> None:
    before = graph("arch Net(x: [N, 64]) { h: repeat 8 { { Linear(256); gelu; Linear(64); tanh } } }")
    kept = []
    for one in pair(before, Checkpoint(blocks="h.*").run(before)):
        total = 0

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            one.train()(torch.randn(512, 64, dtype=torch.float64))
        kept.append(total)
    assert kept[1] < 0.2 * kept[0]


def test_the_source_says_it_as_a_person_would() -> None:
    text = BLOCK.replace(" norm: BatchNorm1d\n", "") + "arch Net(x: [N, 8]) { h: repeat 3 { B } }"
    source = print_source(Checkpoint(blocks="h.*").run(graph(text)))
    assert "from torch.utils.checkpoint import checkpoint" in source
    assert "        for block in self.h:\n            x = checkpoint(block, x, use_reentrant=False)" in source


def test_a_region_whose_inputs_have_one_name_apart_from_a_number() -> None:
    source = archdsl.load(Source("net.arch", "arch Net(x: [N, 4]) {\n  relu\n  g: { a: Linear(4); it + x }\n}"))
    module = source.build(passes=("checkpoint{blocks=g}",), seed=1)
    plain = source.build(seed=1)
    given = torch.randn(3, 4)
    assert torch.equal(module(given), plain(given))
