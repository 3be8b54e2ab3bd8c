"""The printed files: clean, safe, merged into few classes, the same every time."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archdsl.compiler import load
from archdsl.targets.torch.source import print_source
from tests.targets.torch.made import check_clean, check_tree, module, text
from tests.targets.torch.test_numbers import CHOICE, ELMAN, RESIDUAL, TIED

SPECS = Path(__file__).parents[3] / "specs"


def test_files_are_clean_for_ruff_and_mypy(tmp_path: Path) -> None:
    files = {
        "residual": text(RESIDUAL),
        "elman": text(ELMAN.replace("DIRECTION", "reverse")),
        "tied": text(TIED),
        "choice": text(CHOICE),
    }
    for file, name in (("resnet", "ResNet50"), ("gpt2", "GPT2"), ("bert", "BertBase"), ("vit", "ViTB16"), ("unet", "UNet")):
        files[file] = load(SPECS / f"{file}.arch").source(name)
        check_tree(files[file])
    # Members of lists of lists and those that a label adds to an instance, and several scans in one function.
    for file, name, scan in (
        ("mobilenet_v1", "MobileNetV1", "auto"),
        ("bert", "BertForPreTraining", "auto"),
        ("gru", "GRU3", "loop"),
    ):
        files[f"{file}_{name}"] = load(SPECS / f"{file}.arch").source(name, scan=scan)
    check_clean(files, tmp_path)


def test_blocks_that_differ_in_numbers_are_one_class() -> None:
    tree = ast.parse(text(RESIDUAL))
    classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}
    assert list(classes) == ["Unit", "Net"]
    init = classes["Unit"].body[0]
    assert isinstance(init, ast.FunctionDef)
    assert [one.arg for one in init.args.args] == ["self", "width"]


def test_equal_neighbours_are_a_loop() -> None:
    printed = load(SPECS / "gpt2.arch").source("GPT2")
    assert "for _ in range(12)" in printed
    assert printed.count("Block(") == 2


def test_the_origin_is_told_without_folders() -> None:
    printed = load(SPECS.resolve() / "resnet.arch").source("ResNet18")
    assert "resnet.arch:" in printed
    assert str(SPECS.parent) not in printed


HOSTILE = '''
## Quotes """ and \\\\ backslashes \\n stay text.
block {name}(int: int)(self_: [N, D]) -> [N, int] {{ Linear(int) }}
arch print(x: [N, 4]) -> [N, 4] {{
  require N % 2 == 0, "odd \\"batch\\" \\\\ '\\n"
  class: Linear(4)
  "0 weird-label\\"": {name}(4)
  __private: Linear(4)
  import.lambda: Linear(4)
  heads: {name}(4)
  F = it
  nn = F + it
  torch = nn * F
  it + torch
}}
'''


@pytest.mark.parametrize("name", ["torch", "nn", "F", "Module", "print2", "Tensor", "NamedTuple", "math", "ValueError", "self"])
def test_hostile_names(name: str) -> None:
    source = HOSTILE.format(name=name)
    printed = text(source, "print")
    check_tree(printed)
    net = module(source, "print")
    keys = list(net.state_dict())
    assert keys[::2] == ["class.weight", '0 weird-label".0.weight', "__private.weight", "import.lambda.weight", "heads.0.weight"]
    import torch

    net(torch.zeros(2, 4, dtype=torch.float64))
    with pytest.raises(ValueError, match="odd"):
        net(torch.zeros(3, 4, dtype=torch.float64))


def test_free_configuration_is_a_keyword() -> None:
    printed = print_source(load(SPECS / "mlp.arch").graph("MLP"))
    assert "def __init__(self) -> None" in printed
    source = load(SPECS / "resnet.arch").source("ResNet18")
    assert "classes: int = 1000" in source


MANY = """
block Layer(width: int)(x: [N, C]) -> [N, C], [N, width] {
  skip { Linear(dim(it, 1)) }
  (it, it -> out: Linear(width))
}
arch Net(x: [N, 8]) -> y: [N, 4] {
  outs = []
  layers: repeat 20 {
    x, out = it -> layer: Layer(4)
    outs = outs + [out]
    x
  }
  sum(stack(outs), axis=0)
}
"""


def test_many_results_are_laid_out_as_ruff_does(tmp_path: Path) -> None:
    printed = text(MANY)
    assert max(map(len, printed.splitlines())) <= 100
    path = tmp_path / "net.py"
    path.write_text(printed)
    ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "--diff", str(path)]
    assert subprocess.run(ruff, capture_output=True, text=True).stdout == ""
    assert module(MANY)(torch.ones(3, 8, dtype=torch.float64)).shape == (3, 4)


def test_a_class_of_numbered_steps_that_are_no_chain_is_a_list_of_modules() -> None:
    source = """
block Body(x: [N, C]) { a: Linear(C); relu; b: Linear(C) }
block Two(x: [N, C]) { Body; it + x -> Body; it * x }
arch Net(x: [N, 4]) { two: Two; out: Linear(2) }
"""
    printed = text(source)
    assert "class Two(nn.ModuleList):" in printed
    assert "super().__init__(Body() for _ in range(2))" in printed
    assert "getattr" not in printed
    assert [*module(source).state_dict()][::2] == [
        "two.0.a.weight",
        "two.0.b.weight",
        "two.1.a.weight",
        "two.1.b.weight",
        "out.weight",
    ]
