"""Bodies of which only a sum of the state comes out: which are found, and that they compute what the loop does."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

UPDATE = "h = exp(d[:, :, none] * A) * h + (d * u)[:, :, none] * b[:, none, :]"
READ = 'yield einsum("b e n, b n -> b e", h, c)'
FOUND = {
    "Mamba": f"{UPDATE}\n    {READ}",
    "terms the other way": f"h = b[:, none, :] * (u * d)[:, :, none] + h * exp(A * d[:, :, none])\n    {READ}",
    "a sum of products": f"{UPDATE}\n    yield sum(c[:, none, :] * h, axis=-1)",
    "a kept axis": f"{UPDATE}\n    yield sum(h * c[:, none], axis=2, keepdim=true)[:, :, 0]",
    "a matrix product": f"{UPDATE}\n    yield (h @ c[:, :, none])[:, :, 0]",
    "the same vector": f"{UPDATE}\n    yield h @ w",
    "a bare sum": f"{UPDATE}\n    yield sum(h, axis=2)",
    "more behind": f'{UPDATE}\n    s = einsum("b n, b e n -> b e", c, h)\n    yield tanh(s) + u',
    "Euler": f"h = (1 + d[:, :, none] * A) * h + u[:, :, none] * b[:, none, :]\n    {READ}",
    "exact hold": f"q = exp(d[:, :, none] * A)\n    h = q * h + (q - 1) / A * u[:, :, none] * b[:, none, :]\n    {READ}",
    "bilinear": f"z = d[:, :, none] * A / 2\n    h = (1 + z) / (1 - z) * h + u[:, :, none] * b[:, none, :]\n    {READ}",
    "linear attention": f"h = h + u[:, :, none] @ b[:, none, :]\n    {READ}",
    "an outer product": f'h = h + einsum("b e, b n -> b e n", u, b)\n    {READ}',
    "decay by a number": f"h = 0.9 * h + u[:, :, none] * b[:, none, :]\n    {READ}",
    "a gate": f"h = h + sigmoid(d)[:, :, none] * (u[:, :, none] * b[:, none, :] - h)\n    {READ}",
    "clamped": f"h = maximum(d[:, :, none] * A, 0.1) * h + u[:, :, none] * b[:, none, :]\n    {READ}",
    "a row times it": "h = h * 0.5 + u[:, :, none] * b[:, none]\n    yield (u[:, none] @ h)[:, 0] -> back: Linear(4)",
}
KEPT = {
    "all of it": f"{UPDATE}\n    yield mean(tanh(h), axis=2)",
    "two sums": f"{UPDATE}\n    yield h @ w + sum(h, axis=2)",
    "not affine": f"h = tanh(h) + u[:, :, none] * b[:, none, :]\n    {READ}",
    "itself twice": f"{UPDATE}\n    yield sum(h * h, axis=2)",
    "the state before": f'yield einsum("b e n, b n -> b e", h, c)\n    {UPDATE}',
}


def both(body: str, reverse: str = "", final: str = "") -> tuple[Graph, Graph]:
    heads = "head y { y }" + ("\n  head last { last }" if final else "")
    text = f"""arch A(us: [B, T, 4], ds: [B, T, 4], bs: [B, T, 3], cs: [B, T, 3], A: [4, 3], w: [3]) {{
  y{", last" if final else ""} = scan u in us, d in ds, b in bs, c in cs over axis 1 {reverse} {{
    carry h = 0.5 * ones(B, 4, 3)
    {body}{final}
  }}
  {heads}
}}"""
    plain = load(Source("<body>", text)).graph()
    return plain, check(fast_scans(plain))


def contracted(graph: Graph) -> bool:
    return any(node.op is not None and node.op.name == "contracted_scan" for node in graph.nodes)


def agree(plain: Graph, fast: Graph) -> None:
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    two.load_state_dict(one.state_dict())
    for length in (0, 1, 7):
        torch.manual_seed(length)
        given = [torch.rand(2, length, size, dtype=torch.float64) for size in (4, 4, 3, 3)]
        given += [-torch.rand(4, 3, dtype=torch.float64) - 0.1, torch.randn(3, dtype=torch.float64)]
        given = [x.requires_grad_() for x in given]
        outputs = [module(*given) for module in (one, two)]
        outputs = [made if isinstance(made, tuple) else (made,) for made in outputs]
        for a, b in zip(*outputs, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)
        if length:
            grads = [torch.autograd.grad(sum((y * y).sum() for y in made), given, allow_unused=True) for made in outputs]
            for a, b in zip(*grads, strict=True):
                if a is not None or b is not None:
                    torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FOUND)
def test_found_and_right(name: str) -> None:
    plain, fast = both(FOUND[name])
    assert contracted(fast)
    assert not any(node.scan for node in fast.nodes)
    agree(plain, fast)


@pytest.mark.parametrize("name", KEPT)
def test_the_rest_keeps_the_loop(name: str) -> None:
    plain, fast = both(KEPT[name])
    assert not contracted(fast)
    agree(plain, fast)


def test_reverse_with_the_last_state() -> None:
    plain, fast = both(FOUND["Mamba"], reverse="reverse", final="\n    final h")
    assert contracted(fast)
    agree(plain, fast)
