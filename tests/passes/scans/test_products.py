"""Products with what is the same in every step leave the loop, whichever side it stands on."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import explained, fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

PRODUCTS = {
    "W @ xt": ("[4]", "[5, 4]", "[5]"),
    "xt @ W": ("[4]", "[4, 5]", "[5]"),
    "W @ xt ": ("[4, 3]", "[5, 4]", "[5, 3]"),
    "xt @ W ": ("[3, 4]", "[4, 5]", "[3, 5]"),
    "W @ xt  ": ("[2, 4, 3]", "[5, 4]", "[2, 5, 3]"),
    "W @ xt   ": ("[4, 3]", "[4]", "[3]"),
    "W @ xt    ": ("[4]", "[2, 2, 4]", "[2, 2]"),
}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_leaves_the_loop(product: str, axis: int) -> None:
    step, weight, made = PRODUCTS[product]
    sizes = [*step.strip("[]").split(", ")]
    axis = min(axis, len(sizes))
    scanned = ", ".join([*sizes[:axis], "T", *sizes[axis:]])
    text = f"""arch A(x: [{scanned}]) {{
  param W: {weight} = normal
  scan xt in x over axis {axis} {{
    carry h: {made} = 0.0
    h = tanh(h + {product.strip()})
    yield h
  }}
}}"""
    plain = load(Source("<body>", text)).graph()
    (story,) = explained(plain)
    assert any("1 of 3 nodes" in str(one) for one in story.findings), story
    fast = check(fast_scans(plain))
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    two.load_state_dict(one.state_dict())
    for steps in (1, 6):
        x = torch.randn([steps if size == "T" else int(size) for size in scanned.split(", ")], dtype=torch.float64)
        torch.testing.assert_close(two(x), one(x), rtol=1e-12, atol=1e-12)
