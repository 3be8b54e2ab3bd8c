"""The value from which a growing size is at least 1, against trying all."""

from __future__ import annotations

import pytest

from archdsl.dims.dim import Dim
from archdsl.dims.growing import grows, least
from archdsl.dims.read import read_size


@pytest.mark.parametrize(
    "text", ["H - 4", "(H + 1) // 2 - 3", "H // 32", "(H - 3) // 2 + 1", "2*(H // 4) - 9", "max(H - 5, H // 7)"]
)
def test_the_least_value_is_that_of_trying_all(text: str) -> None:
    size = read_size(text)
    assert isinstance(size, Dim)
    tried = next(value for value in range(1, 1000) if size.evaluate({"H": value}) >= 1)
    assert least(size) == ("H", tried)
    assert all((size.evaluate({"H": value}) >= 1) == (value >= tried) for value in range(1, 200))


@pytest.mark.parametrize("text", ["7 - H", "H - (H // 2)", "H % 4", "H + W"])
def test_what_does_not_plainly_grow_is_left(text: str) -> None:
    size = read_size(text)
    assert isinstance(size, Dim)
    assert least(size) is None or (grows(size) and size.evaluate({"H": least(size)[1]}) >= 1)  # type: ignore[index]
    if text in ("7 - H", "H % 4"):
        assert not grows(size)
