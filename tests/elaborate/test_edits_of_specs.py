"""Edits of the zoo at a reduced size: what changes nothing keeps keys and numbers, what changes something stays a valid program."""

from __future__ import annotations

import random

import pytest
import torch

import archdsl
from archdsl.compiler import Spec
from archdsl.elaborate.editing.selection import Selection
from archdsl.ir.graph import Graph
from archdsl.syntax import tree
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.passes.reduced import REDUCED, SPECS

RUN = ("bert", "gpt2", "googlenet", "linear_attention", "lstm", "mamba", "resnet", "rwkv4", "swin", "t5", "unet", "vit")
"""Those whose numbers are compared too."""
KINDS = ("layer", "block", "skip", "branch", "repeat", "scan", "if", "group")


def opened(name: str) -> tuple[Spec, Graph]:
    arch, config = REDUCED[name]
    spec = archdsl.load(SPECS / f"{name}.arch")
    return spec, spec.graph(arch, **config)


def written_alone(some: Selection) -> Selection:
    return some.where(lambda one: one.kind in KINDS and isinstance(one.site.node, tree.Step))


def of_one_float(some: Selection) -> Selection:
    return some.where(lambda one: one.kind != "shared" and len(one.gives) == 1 and one.gives[0].dtype in ("float", "f32"))


@pytest.mark.parametrize("name", REDUCED)
def test_every_step_as_it_stands(name: str) -> None:
    """Replaced by its own text the program is equal; wrapped or followed by what changes nothing it has the same keys."""
    _, graph = opened(name)
    everything = graph.select()
    assert written_alone(everything).replace(lambda one: one.site.node.term.span.text) == graph
    keys = [path for path, _ in graph.tensors()]
    for edited in (
        of_one_float(everything).insert_after("neg -> neg"),
        written_alone(everything).where(lambda one: one.kind in ("layer", "block", "skip")).wrap("skip(when=false)"),
        written_alone(everything).wrap("if true { }"),
    ):
        assert [path for path, _ in edited.tensors()] == keys


@pytest.mark.parametrize("name", RUN)
def test_edits_that_change_nothing_keep_the_numbers(name: str) -> None:
    spec, graph = opened(name)
    edited = of_one_float(graph.select()).insert_after("neg -> neg")
    inputs = draw_inputs(graph, choose_bindings(graph, None)[1], 1)
    results = []
    for one in (graph, edited):
        module = spec.build(one, seed=2, scan="loop").eval()  # the other forms round differently
        randomise(module, 3)
        with torch.no_grad():
            results.append(apply(module, one, inputs))
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


@pytest.mark.parametrize("name", ["gpt2", "resnet", "rwkv4", "vit"])
def test_random_edits_are_verified(name: str) -> None:
    spec, graph = opened(name)
    chances = random.Random(name)
    done = 0
    for _ in range(12):
        some = graph.select().where(lambda one: chances.random() < 0.1)
        edit = chances.choice(["remove", "tanh", "skip", "norm"])
        try:
            if edit == "remove":
                graph = some.remove()
            elif edit == "skip":
                graph = some.wrap("skip")
            elif edit == "norm":
                graph = of_one_float(some).insert_before("LayerNorm(elementwise_affine=false)")
            else:
                graph = some.where(lambda one: one.kind == "function" and len(one.takes) == 1).replace("tanh")
            done += 1
        except archdsl.ArchError as fault:
            assert fault.problems
    assert done
    report = spec.verify(graph)
    assert report.ok, str(report)
