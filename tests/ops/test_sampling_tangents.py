"""`grid_sample` along its points in every mode, with points outside of the image, beside the derivative of PyTorch's own."""

from __future__ import annotations

from itertools import product

import pytest

from archdsl.ops.contract import Example
from archdsl.ops.registry import find
from tests.ops.cases import case_of
from tests.ops.tangent_side import check_tangent

PLANE = (("[2, 3, 5, 4]", "[2, 3, 2, 2]"), ("[2, 3, 3, 2]",))
SPACE = (("[2, 2, 4, 5, 3]", "[2, 2, 3, 1, 3]"), ("[2, 2, 2, 3, 1]",))
LINE = (("[1, 2, 1, 4]", "[1, 2, 3, 2]"), ("[1, 2, 2, 3]",))


@pytest.mark.parametrize(("mode", "padding", "corners"), product(
    ("bilinear", "bicubic", "nearest"), ("zeros", "border", "reflection"), (False, True)))  # fmt: skip
def test_every_mode(mode: str, padding: str, corners: bool) -> None:
    op = find("grid_sample")
    assert op is not None
    said = {"mode": mode, "padding_mode": padding, "align_corners": corners}
    for inputs, outputs in (PLANE, LINE, SPACE)[: 2 if mode == "bicubic" else 3]:
        check_tangent(case_of(op, Example(said, inputs, outputs, values={1: (-2.6, 2.6)})))
