"""The pages that follow from the code are what it says today."""

from __future__ import annotations

import pytest

from docs.generate import HERE, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fresh(name: str, update_goldens: bool) -> None:
    path = HERE / name
    text = PAGES[name]()
    if update_goldens:
        path.write_text(text)
    assert path.read_text() == text, "stale: python -m docs.generate"


def test_the_picture_is_of_the_spec() -> None:
    """Its bytes depend on the Graphviz at hand, its words do not."""
    from docs.generate import picture

    committed = (HERE / "images" / "lenet.svg").read_text()
    for word in ("LeNet5", "conv1", "conv2", "fc1", "fc2", "fc3", "61,706"):
        assert (word in picture()) == (word in committed), word
    assert "conv1" in committed
