"""The pages that follow from the code are what it says today."""

from __future__ import annotations

import re

import pytest

from docs.generate import HERE, PAGES, picture


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fresh(name: str, update_goldens: bool) -> None:
    path = HERE / name
    text = PAGES[name]()
    if update_goldens:
        path.write_text(text)
    assert path.read_text() == text, "stale: python -m docs.generate"


def words(svg: str) -> list[str]:
    """The text of a picture; its coordinates depend on the Graphviz and the fonts at hand."""
    return sorted(re.findall(r">([^<>]*\w[^<>]*)<", svg))


def test_the_picture_is_of_the_program() -> None:
    committed = words((HERE / "images" / "small.svg").read_text())
    assert committed == words(picture()), "stale: python -m docs.generate"
    assert any("layer2" in word for word in committed)
