"""What treats the samples of a batch alike leaves the loop as one larger batch, before it and behind it."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import explained, fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

IMAGE = "[B, T, 4, 6, 6]"
LINE = "[B, T, 4, 6]"
LEAVES = {
    "conv": (IMAGE, "a -> f: Conv2d(4, 3, padding=1)"),
    "conv and norm": (IMAGE, "a -> { f: Conv2d(4, 3, padding=1); n: GroupNorm(2); relu }"),
    "pool": (IMAGE, "a -> max_pool2d(3, stride=1, padding=1) -> avg_pool2d(3, stride=1, padding=1)"),
    "transposed": (IMAGE, "a -> f: ConvTranspose2d(4, 3, padding=1)"),
    "line": (LINE, "a -> f: Conv1d(4, 3, padding=1) -> p: PReLU(num_parameters=4)"),
    "gate": (IMAGE, "a -> f: Conv2d(8, 1) -> glu(axis=1)"),
}
STAYS = {
    "not of an empty batch": (IMAGE, "a -> f: InstanceNorm2d(affine=true)"),
    "growing": (IMAGE, "a -> unfold(3, padding=1) -> mean(axis=1, keepdim=true) -> unflatten(2, [6, 6])"),
    "sum over the batch": (LINE, "cumsum(a, axis=0)"),
    "order of the batch": (LINE, "flip(a, axis=0)"),
    "rank": (LINE, "softmax(a, axis=0)"),
    "triangle": ("[B, T, B]", "tril(a)"),
}


def graphs(type: str, line: str, word: str = ""):  # type: ignore[no-untyped-def]
    rest = type.removeprefix("[B, T, ").removesuffix("]")
    text = f"""arch A(x: {type}) {{
  cell: scan a in x over axis 1 {word}{{
    carry h: [B, {rest}] = zeros
    u = {line}
    h = tanh(h * 0.5 + cos(h) * u)
    yield h
  }}
}}"""
    plain = load(Source("larger.arch", text)).graph()
    return plain, check(fast_scans(plain))


@pytest.mark.parametrize("word", ["", "reverse "])
@pytest.mark.parametrize("name", LEAVES)
def test_what_treats_samples_alike_leaves(name: str, word: str) -> None:
    plain, fast = graphs(*LEAVES[name], word)
    (story,) = explained(plain)
    (body,) = [node.scan.body for node in fast.nodes if node.scan is not None]
    assert {node.op.name for node in body.nodes if node.op is not None} <= {"mul", "cos", "add", "tanh", "addcmul"}, story
    same(plain, fast, LEAVES[name][0])


@pytest.mark.parametrize("name", STAYS)
def test_what_knows_the_others_of_the_batch_stays(name: str) -> None:
    plain, fast = graphs(*STAYS[name])
    same(plain, fast, STAYS[name][0])


def same(plain, fast, type: str) -> None:  # type: ignore[no-untyped-def]
    """The loop as written and what was made of it: outputs and gradients, also of one step and of none."""
    ours, loop = build(fast).double(), build(plain).double()
    loop.load_state_dict(ours.state_dict())
    for steps in (5, 1, 0):
        sizes = [int(one) if one.strip().isdigit() else {"B": 3, "T": steps}[one.strip()] for one in type.strip("[]").split(",")]
        x = torch.randn(sizes, dtype=torch.float64, requires_grad=True)
        made, wanted = ours(x), loop(x)
        torch.testing.assert_close(made, wanted, rtol=1e-9, atol=1e-11)
        if steps:
            weights = torch.randn_like(made)
            both = [x, *ours.parameters()], [x, *loop.parameters()]
            grads = [torch.autograd.grad((one * weights).sum(), of) for one, of in zip((made, wanted), both, strict=True)]
            for one, other in zip(*grads, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_behind_the_loop_too() -> None:
    text = """arch A(x: [B, T, 4, 6, 6]) {
  cell: scan a in x over axis 1 {
    carry h: [B, 4, 6, 6] = zeros
    h = tanh(h + a)
    yield h -> n: GroupNorm(2) -> f: Conv2d(3, 1)
  }
}"""
    plain = load(Source("larger.arch", text)).graph()
    fast = check(fast_scans(plain))
    (body,) = [node.scan.body for node in fast.nodes if node.scan is not None]
    assert [node.op.name for node in body.nodes if node.op is not None] == ["add", "tanh"]
    same(plain, fast, IMAGE)
