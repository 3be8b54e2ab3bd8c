"""The zoo's vision architectures: parameters, MACs and keys at full size, and tiny ones against a reference in float64."""

from __future__ import annotations

import pytest
import torch

from archdsl.analyses.cost import macs, parameters
from archdsl.dims.dim import Dim
from tests.oracles.classic_cases import CASES as CLASSICS
from tests.oracles.comparing import Pair, agree_in_float64, same_keys
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.modern_cases import CASES as MODERN
from tests.oracles.running import agrees, session
from tests.oracles.test_counts import keys, zoo
from tests.oracles.vision_by_hand import LeNet1998
from tests.oracles.vision_cases import CASES as VISION
from tests.oracles.vision_cases import Vision

pytestmark = pytest.mark.oracle
CASES = [*VISION, *MODERN, *CLASSICS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_spec_counts_what_the_zoo_counts(case: Vision) -> None:
    graph = spec(case.file).graph(case.arch)
    row = zoo()[case.name]
    assert parameters(graph) == row["params"]
    if "macs" in row:
        counted = macs(graph)
        assert (counted.evaluate(case.sizes) if isinstance(counted, Dim) else counted) == row["macs"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_keys_are_those_of_the_zoo(case: Vision) -> None:
    wanted = keys(case.name)
    if zoo()[case.name]["reference"]["kind"] == "paper":  # whose batch norms count no batches
        wanted |= {one[: -len("running_var")] + "num_batches_tracked": () for one in wanted if one.endswith("running_var")}
    same_keys(build(case.file, case.arch, device="meta"), wanted)


@pytest.mark.parametrize("case", [case for case in CASES if case.tiny], ids=lambda case: case.name)
def test_a_tiny_one_is_the_same_in_float64(case: Vision) -> None:
    assert case.tiny is not None
    theirs = quiet(randomise(case.tiny()))
    ours = quiet(build(case.file, case.arch, **case.config))
    agree_in_float64(Pair(ours, theirs, case.call), case.inputs())


@pytest.mark.parametrize("case", [case for case in CASES if case.tiny], ids=lambda case: case.name)
def test_the_onnx_model_of_a_tiny_one_agrees_at_two_batch_sizes(case: Vision) -> None:
    assert case.tiny is not None
    theirs = quiet(randomise(case.tiny()))
    running = session(spec(case.file).onnx(case.arch, weights=theirs.state_dict(), **case.config))
    for n in (1, 2):
        agrees(running, theirs, case.call, {name: one[:n] for name, one in case.inputs().items()})


def test_the_drawings_of_lenet_are_those_of_its_reference() -> None:
    assert torch.equal(build("lenet_1998", "LeNet5_1998").rbf.centers, LeNet1998().rbf.centers)
