"""`solve` against brute force: counts made by torch for every value, rows of numbers tried one by one."""

from __future__ import annotations

import random

import pytest
import torch
from click.testing import CliRunner

import archdsl
from archdsl.cli.group import archdsl as commands
from archdsl.designing.search import Numbers, nearest
from archdsl.designing.solving import NoSolution
from archdsl.source import Source

NET = """arch Net(width: int = 8, depth: int = 2, heads: int = 4)(x: [N, 16]) -> [N, 10] {
  require width % heads == 0, "the heads divide the width"
  repeat i in 0..depth { "layer{i}": Linear(width); relu }
  out: Linear(10)
}
"""


def spec() -> archdsl.Spec:
    return archdsl.load(Source("net.arch", NET))


def torch_count(width: int, depth: int) -> int:
    sizes = [16, *[width] * depth, 10]
    layers = [torch.nn.Linear(a, b, device="meta") for a, b in zip(sizes, sizes[1:], strict=False)]
    return sum(one.numel() for layer in layers for one in layer.parameters())


@pytest.mark.parametrize("operator", ["==", "<=", ">="])
@pytest.mark.parametrize("wanted", [1, 999, 25_000, 123_457])
def test_one_name(operator: str, wanted: int) -> None:
    counts = {width: torch_count(width, 2) for width in range(4, 401, 4)}
    meets = {"==": lambda n: True, "<=": lambda n: n <= wanted, ">=": lambda n: n >= wanted}[operator]
    fitting = {width: count for width, count in counts.items() if meets(count)}
    if not fitting:
        with pytest.raises(NoSolution):
            spec().solve(free={"width": (1, 400)}, such_that=f"params {operator} {wanted}")
        return
    best = min(fitting, key=lambda width: abs(fitting[width] - wanted))
    found = spec().solve(free={"width": (1, 400)}, such_that=f"params {operator} {wanted}")
    assert (found.config, found.count) == ({"width": best}, counts[best])
    assert found.error == pytest.approx((counts[best] - wanted) / wanted)


def test_several_names_and_another_architecture() -> None:
    like = spec().graph(width=100, depth=3)
    wanted = torch_count(100, 3)
    counts = {(depth, width): torch_count(width, depth) for depth in (2, 4, 5) for width in range(4, 201, 4)}
    fitting = {key: count for key, count in counts.items() if count <= wanted}
    found = spec().solve(free={"depth": (2, 5, 1), "width": (4, 200, 4)}, such_that="params <= like", like=like)
    counts |= {(3, width): torch_count(width, 3) for width in range(4, 201, 4)}
    fitting = {key: count for key, count in counts.items() if count <= wanted}
    assert found.count == max(fitting.values()) == wanted
    assert found.config == {"depth": 3, "width": 100}


def test_without_a_range_the_search_finds_its_way() -> None:
    found = spec().solve(free={"width": None}, such_that="params == 1e9")
    widths = range(31_000, 32_000, 4)
    best = min(widths, key=lambda width: abs(torch_count(width, 2) - 1e9))
    assert found.config == {"width": best}


@pytest.mark.parametrize("seed", range(300))
def test_rows_of_numbers(seed: int) -> None:
    draw = random.Random(seed)
    length = draw.randint(1, 60)
    row: list[int | None] = [draw.randint(0, 100) for _ in range(length)]
    kind = draw.choice(["up", "down", "any"])
    if kind != "any":
        row.sort(reverse=kind == "down")
    row = [None if draw.random() < 0.4 else one for one in row]
    wanted, operator, start = draw.randint(-10, 110), draw.choice(["==", "<=", ">="]), draw.randrange(length)
    meets = {"==": lambda n: True, "<=": lambda n: n <= wanted, ">=": lambda n: n >= wanted}[operator]
    fitting = [(abs(one - wanted), at) for at, one in enumerate(row) if one is not None and meets(one)]
    found = nearest(Numbers(row.__getitem__, length), wanted, operator, start)
    if kind == "any":  # what is not in order may be missed only where nothing that was met shows it
        return
    assert (found is None) == (not fitting)
    if found is not None:
        assert abs(row[found] - wanted) == min(fitting)[0]


def test_what_is_wrong_is_said() -> None:
    for free, such_that, kind, told in (
        ({"widht": None}, "params == 1", ValueError, "did you mean `width`"),
        ({}, "params == 1", ValueError, "nothing is free"),
        ({"width": None, "depth": None}, "params == 1", ValueError, "need a range"),
        ({"width": (9, 4)}, "params == 1", ValueError, "empty"),
        ({"width": None}, "params", ValueError, "compares a count"),
        ({"width": None}, "params == like", ValueError, "no other architecture"),
        ({"width": None}, "parms == 3", archdsl.ArchError, "did you mean `params`"),
        ({"width": None}, "params == == 3", archdsl.ArchError, "=="),
        ({"width": (1, 3)}, "params == 9", NoSolution, "the heads divide the width"),
    ):
        with pytest.raises(kind, match=told):
            spec().solve(free=free, such_that=such_that)


def test_the_command(tmp_path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(NET)
    done = CliRunner().invoke(commands, ["solve", str(path), "--free", "width=4..400:4", "--such-that", "params == 25000"])
    best = min(range(4, 401, 4), key=lambda width: abs(torch_count(width, 2) - 25_000))
    assert f"width = {best}: params = {torch_count(best, 2):,}" in done.output


def test_the_values_that_a_program_has_by_itself_may_not_fit() -> None:
    found = spec().solve(free={"width": (1, 60)}, such_that="params <= 5000", heads=7)  # a width of 8 is no multiple
    counts = {width: torch_count(width, 2) for width in range(7, 61, 7)}
    assert found.count == max(count for count in counts.values() if count <= 5000)
    with pytest.raises(archdsl.ArchError, match="no configuration `head`"):
        spec().solve(free={"width": (1, 60)}, such_that="params <= 5000", head=7)


def test_the_other_architecture_has_dimensions_of_its_own() -> None:
    like = archdsl.load(Source("conv.arch", "arch Conv(x: [N, 3, H, W]) { c: Conv2d(4, 1) }")).graph()
    wanted = 3 * 4 * 20 * 30 * 2
    counts = {width: 5 * (16 * width + width * width + width * 10) for width in range(4, 101, 4)}
    best = min(counts, key=lambda width: abs(counts[width] - wanted))
    found = spec().solve(free={"width": (1, 100)}, such_that="macs(N=5) == like(N=2, H=20, W=30)", like=like)
    assert (found.config, found.count, found.wanted) == ({"width": best}, counts[best], wanted)
    with pytest.raises(archdsl.ArchError, match="this is the count of `Conv`, which may have dimensions of its own"):
        spec().solve(free={"width": (1, 100)}, such_that="macs(N=5) == like", like=like)


def test_what_is_free_is_a_number() -> None:
    text = 'arch Net(sizes: list[int] = [4, 8], act: str = "a")(x: [N, 2]) { repeat s in sizes { "fc{s}": Linear(s) } }'
    for name, told in (("sizes", "`sizes` is a list of 2"), ("act", "`act` is")):
        with pytest.raises(ValueError, match=told):
            archdsl.load(Source("net.arch", text)).solve(free={name: None}, such_that="params == 9")


def test_a_condition_is_told_in_its_own_text() -> None:
    with pytest.raises(archdsl.ArchError) as wrong:
        spec().solve(free={"width": (1, 60)}, such_that="params = 5000")
    assert str(wrong.value.problems[0].at) == "--such-that:1:8"
