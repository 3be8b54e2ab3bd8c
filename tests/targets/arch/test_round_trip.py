"""A graph printed as text is read back as the same program, and prints as the same text again."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl.ir.graph import Graph
from archdsl.source import Source
from archdsl.targets.arch.source import print_arch
from tests.targets.arch.equality import check_same

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "tests/data/examples").glob("*.arch")])


def there_and_back(graph: Graph) -> str:
    text = print_arch(graph)
    again = archdsl.load(Source("printed.arch", text))
    read = again.graph(graph.name)
    check_same(graph, read)
    assert print_arch(read) == text
    return text


@pytest.mark.parametrize("name", ["mlp", "resnet", "gpt2", "lstm", "googlenet", "vit", "unet"])
def test_an_architecture_comes_back(name: str) -> None:
    spec = archdsl.load(ROOT / "specs" / f"{name}.arch")
    there_and_back(spec.graph(spec.names[0], **({} if spec.names[0] != "ResNet" else {"depths": [2, 2, 2, 2]})))
