"""Criterion C says yes to rounding and no to faults."""

from __future__ import annotations

import numpy as np

from archdsl.targets.agreement import compare

EXACT = np.linspace(-3, 3, 50)
NEAR = EXACT.astype(np.float32)


def test_rounding_agrees() -> None:
    assert compare(NEAR, NEAR, EXACT)
    assert compare(np.nextafter(NEAR, np.float32(9)), NEAR, EXACT)


def test_a_small_fault_does_not() -> None:
    verdict = compare(NEAR * np.float32(1.0001), NEAR, EXACT)
    assert not verdict
    assert "differs by 0.0003" in str(verdict)


def test_shape_dtype_and_special_values_must_be_the_same() -> None:
    assert "shape" in str(compare(NEAR[None], NEAR, EXACT))
    assert "dtype" in str(compare(NEAR.astype(np.float64), NEAR, EXACT))
    for special, word in ((np.nan, "NaN"), (np.inf, "+infinity"), (-np.inf, "-infinity")):
        other = NEAR.copy()
        other[3] = special
        assert word in str(compare(other, NEAR, EXACT))
        assert compare(other, other, EXACT)


def test_integers_must_be_equal() -> None:
    whole = np.arange(5)
    assert compare(whole, whole, whole)
    assert not compare(whole + (whole == 2), whole, whole)


def test_nothing_agrees_with_nothing() -> None:
    empty = np.zeros((0, 3), np.float32)
    assert compare(empty, empty, empty.astype(np.float64))
