"""Generated files with derivatives: they run, take free configuration, are clean, and are exported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.ir.text import print_graph, read_graph
from archdsl.source import Source
from archdsl.targets.torch.module import execute
from tests.tangents.test_programs import BLOCKS
from tests.targets.torch.made import check_clean

FFJORD = Path(__file__).resolve().parents[1] / "data/examples/ffjord.arch"
FREE = """
block Net(hidden: int)(x: [B, T, D]) -> [B, T, D] {
  x -> a: Linear(hidden) -> reshape(B, T, 2, hidden // 2) -> softmax(axis=-1) -> reshape(B, T, hidden) -> b: Linear(D)
  it * sum(ones(hidden)) + zeros(T, D)
}
arch A(hidden: int = 8)(x: [B, T, 4], v: [B, T, 4]) -> y: [B, T, 4], d: [B, T, 4] {
  require hidden % 2 == 0
  shared f = Net(hidden)
  y, d = (x, v) -> jvp(f, 0)
  (y, d)
}
"""


def test_a_file_with_free_configuration() -> None:
    module = execute(archdsl.load(Source("free.arch", FREE)).source()).A(hidden=16).double()
    x, v = torch.randn(2, 3, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y, d = module(x, v)
    wanted = torch.func.jvp(module.f, (x,), (v,))
    assert torch.allclose(y, wanted[0], rtol=1e-12, atol=1e-12)
    assert torch.allclose(d, wanted[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("source", [Source("free.arch", FREE), FFJORD], ids=["free", "ffjord"])
def test_the_graph_is_read_back_equal(source: Source | Path) -> None:
    spec = archdsl.load(source)
    graph = spec.graph(spec.names[0])
    assert read_graph(print_graph(graph)) == graph


def test_files_are_clean_for_ruff_and_mypy(tmp_path: Path) -> None:
    files = {"free": archdsl.load(Source("free.arch", FREE)).source()}
    for name in ("residual", "convolution", "attention", "blocks in blocks"):
        text = f"{BLOCKS[name]}\narch A(x: [B, 7], v: [B, 7]) {{ shared f = F; (x, v) -> jvp(f, 0) }}"
        files[name.replace(" ", "_")] = archdsl.load(Source("case.arch", text)).source()
    check_clean(files, tmp_path)


def test_results_that_nothing_reads_have_no_name() -> None:
    text = "arch A(x: [B, 7], v: [B, 7]) { shared f = { Linear(7); relu }; _, d = (x, v) -> jvp(f, 0); d }"
    assert "_, d = layers_jvp(self.f, x, v)" in archdsl.load(Source("case.arch", text)).source()


def test_it_is_exported() -> None:
    module = archdsl.load(FFJORD).build(hidden=[5, 4], steps=2).eval()
    x = torch.randn(3, 2)
    program = torch.export.export(module, (x,), dynamic_shapes={"x": {0: torch.export.Dim("B", min=2)}})
    for n in (2, 5):
        x = torch.randn(n, 2)
        for one, other in zip(program.module()(x), module(x), strict=True):
            assert torch.allclose(one, other, atol=1e-6)


def test_a_program_without_derivatives_does_not_load_them() -> None:
    code = "import sys; from archdsl.cli.main import run; run(['check', sys.argv[1]]); print('archdsl.tangents' in sys.modules)"
    for file, loaded in ((FFJORD.parent / "gpt2.arch", "False"), (FFJORD, "True")):
        done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True)
        assert done.stdout.split()[-1] == loaded, done.stderr
