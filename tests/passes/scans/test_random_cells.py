"""Cells with a part changed at random: whatever form they get, they compute what the loop does."""

from __future__ import annotations

import random
import re

import pytest
import torch

from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.problems.problem import ArchError
from archdsl.targets.torch.module import build
from tests.passes.scans.cells import ELMANS, GRUS, HIDDEN, LSTMS, OTHERS, WIDTH, spec

BODIES = [*GRUS.values(), *ELMANS.values(), *LSTMS.values(), *(one for one in OTHERS.values() if "Dropout" not in one)]
CHANGES = {
    r"\bsigmoid\(": ["tanh(", "relu(", "-sigmoid(", "sigmoid(-", "(0.5 + "],
    r"\btanh\(": ["sigmoid(", "relu(", "-tanh(", "tanh(2 * ", "("],
    r" \+ ": [" - ", " * ", " + 0.5 + "],
    r" - ": [" + ", " * "],
    r" \* ": [" + ", " - "],
    r"\br\b": ["z", "h", "(1 - r)"],
    r"\bz\b": ["r", "(1 - z)", "2 * z"],
    r"\bn\b": ["h", "(-n)"],
    r"\bh\b": ["n", "(2 * h)", "tanh(h)", "s"],
    r"\bf\b": ["i", "o"],
    r"\ba\b": ["sigmoid(a)", "(a + a)"],
    r"bias=false": ["bias=true"],
}
"""Parts of a body and what may stand there instead."""


def mutant(draw: random.Random) -> str:
    """A body with one or two parts changed, of the sides after `=` alone."""
    body = draw.choice(BODIES)
    for _ in range(draw.choice((1, 1, 2))):
        places = [
            (found, new) for pattern, news in CHANGES.items() for found in re.finditer(pattern, body) for new in news
            if "=" in body[body.rfind("\n", 0, found.start()) + 1 : found.start()]
        ]  # fmt: skip
        found, new = draw.choice(places)
        body = body[: found.start()] + new + body[found.end() :]
    return body


@pytest.mark.parametrize("seed", range(60))
def test_a_changed_cell_computes_what_its_loop_does(seed: int) -> None:
    draw = random.Random(seed)
    while True:
        body = mutant(draw)
        try:
            plain = spec(body, reverse=draw.choice(("", "reverse"))).graph()
            break
        except ArchError:  # a name that is not there, or another type
            continue
    fast = check(fast_scans(plain))
    one, two = build(plain, dtype=torch.float64).eval(), build(fast, dtype=torch.float64).eval()
    two.load_state_dict(one.state_dict())
    torch.manual_seed(seed)
    x, s = torch.randn(2, 5, WIDTH, dtype=torch.float64), torch.randn(2, HIDDEN, dtype=torch.float64)
    outputs = [module(x, s) for module in (one, two)]
    for a, b in zip(*outputs, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9, equal_nan=True, msg=lambda text: f"{body}\n{text}")
