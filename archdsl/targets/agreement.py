"""Criterion C: when two results of one model agree (DESIGN.md section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SLACK = 8.0
"""How many times PyTorch's own rounding error a result may be away."""
FLOOR = 2e-6
"""What is always allowed, in units of the largest element (at least 1)."""


@dataclass(frozen=True)
class Agreement:
    """The verdict on one output: the distance found and the one allowed, or the reason why they cannot be compared."""

    distance: float = 0.0
    allowed: float = 0.0
    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason and self.distance <= self.allowed

    def __str__(self) -> str:
        return self.reason or f"differs by {self.distance:.3g} where {self.allowed:.3g} is allowed"


def compare(result: Any, near: Any, exact: Any) -> Agreement:
    """Does `result` agree with PyTorch? All three are numpy arrays of one shape.

    `near` is PyTorch's result in the dtype of the model and `exact` its result in float64. They agree where shape, dtype and the
    pattern of NaN and infinities are those of `near`, and max|result - exact| <= 8 max|near - exact| + 2e-6 max(1, max|exact|).
    Integers and booleans must be equal. Parameters and running statistics must have been randomised before: defaults hide faults.
    Source: DESIGN.md section 9, measured on 24,738 outputs of random graphs without a false alarm.
    """
    import numpy as np

    if result.shape != near.shape:
        return Agreement(reason=f"has the shape {list(result.shape)} where {list(near.shape)} was expected")
    if result.dtype != near.dtype:
        return Agreement(reason=f"has the dtype {result.dtype} where {near.dtype} was expected")
    if near.dtype.kind not in "fV":
        unequal = int((result != near).sum())
        return Agreement(reason=f"differs in {unequal} of {near.size} elements" if unequal else "")
    wide, about = result.astype(np.float64), near.astype(np.float64)
    for word, test in (("NaN", np.isnan), ("+infinity", np.isposinf), ("-infinity", np.isneginf)):
        if not np.array_equal(test(wide), test(about)):
            return Agreement(reason=f"has {word} in other places")
    finite = np.isfinite(wide) & np.isfinite(exact)
    if not finite.any():
        return Agreement()
    top = float(np.abs(exact[finite]).max())
    own = float(np.abs(about[finite] - exact[finite]).max())
    return Agreement(float(np.abs(wide[finite] - exact[finite]).max()), SLACK * own + FLOOR * max(1.0, top))
