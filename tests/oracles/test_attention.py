"""The zoo's efficient attention and text encoders: parameters, MACs and keys at full size, tiny ones in float64 and in ONNX."""

from __future__ import annotations

from typing import Any

import pytest

from archdsl.analyses.cost import macs, parameters
from archdsl.dims.dim import Dim
from tests.oracles.attention_cases import (
    CASES,
    OTHERS,
    SMALL,
    TINY_LONGFORMER,
    Draw,
    Row,
    bigbird,
    call_drawn,
    call_longformer,
    call_masked,
    documents,
    drawn,
    longformer,
    padded,
    states,
    without_globals,
)
from tests.oracles.comparing import Pair, agree_in_float64, same_keys
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.running import agrees, session
from tests.oracles.test_counts import keys, zoo

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.name)
def test_the_spec_counts_what_the_zoo_counts(row: Row) -> None:
    graph = spec(row.file).graph(row.arch)
    assert parameters(graph) == zoo()[row.name]["params"]
    counted = macs(graph)
    assert (counted.evaluate(row.sizes) if isinstance(counted, Dim) else counted) == zoo()[row.name]["macs"] + row.unseen


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.name)
def test_the_keys_are_those_of_the_zoo(row: Row) -> None:
    same_keys(build(row.file, row.arch, device="meta"), keys(row.name))


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.name)
def test_a_tiny_one_is_the_same_in_float64(row: Row) -> None:
    theirs = quiet(randomise(row.tiny()))
    ours = quiet(build(row.file, row.arch, **row.config))
    agree_in_float64(Pair(ours, theirs, row.call), row.inputs(2, row.lengths[0]))


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.name)
def test_the_onnx_model_of_a_tiny_one_agrees_at_two_batch_sizes_and_lengths(row: Row) -> None:
    theirs = quiet(randomise(row.tiny()))
    running = session(spec(row.file).onnx(row.arch, weights=theirs.state_dict(), given=row.given, **row.config))
    for length in row.lengths:
        for n in (1, 3):
            agrees(running, theirs, row.call, row.inputs(n, length))


@pytest.mark.parametrize("length", [12, 10, 6])
@pytest.mark.parametrize("draw", [documents, padded, without_globals(documents), without_globals(padded)])
def test_a_longformer_with_and_without_global_places_and_padding(draw: Draw, length: int) -> None:
    inputs = draw(3, length)
    theirs = quiet(randomise(longformer()()))
    ours = quiet(build("longformer", "Longformer", **TINY_LONGFORMER))
    agree_in_float64(Pair(ours, theirs, call_longformer), inputs)


SPARSE = {**SMALL, "positions": 32, "size": 2, "random": 1, "p": 0.0}


@pytest.mark.parametrize("length", [16, 22])
def test_a_bigbird_of_blocks_is_the_librarys_with_the_blocks_it_drew(length: int) -> None:
    inputs = drawn(3, length)
    theirs = quiet(randomise(bigbird(block_size=2, num_random_blocks=1)()))
    ours = quiet(build("bigbird", "BigBirdSparse", **SPARSE))
    agree_in_float64(Pair(ours, theirs, call_drawn), inputs)


def test_the_onnx_model_of_a_bigbird_of_blocks_agrees_where_none_are_drawn() -> None:
    theirs = quiet(randomise(bigbird(block_size=2, num_random_blocks=1)()))
    model = spec("bigbird").onnx("BigBirdSparse", weights=theirs.state_dict(), given=("segments", "mask"), **SPARSE)
    running = session(model)
    for n, length in ((1, 16), (3, 16), (2, 22)):
        agrees(running, theirs, call_masked, without_globals(padded)(n, length))


@pytest.mark.parametrize(("file", "arch", "tiny", "config"), OTHERS, ids=[f"{one[0]} {one[3]}" for one in OTHERS])
def test_what_the_zoo_does_not_list_is_the_same_in_float64(file: str, arch: str, tiny: Any, config: dict[str, Any]) -> None:
    ours = build(file, arch, **config)
    agree_in_float64(Pair(ours, randomise(tiny())), states()(2, 6))
