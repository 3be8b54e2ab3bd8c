"""Our architectures are the libraries' own: state dicts, outputs, gradients, training statistics, ONNX."""

from __future__ import annotations

import pytest

from tests.oracles.cases import CASES, Case
from tests.oracles.comparing import Pair, agree_in_float32, agree_in_float64, exchange
from tests.oracles.living import spec
from tests.oracles.running import agrees, session

pytestmark = pytest.mark.oracle
BY_NAME = {one.name: one for one in CASES}


@pytest.mark.parametrize("case", CASES, ids=BY_NAME)
def test_a_tiny_one_is_the_same_in_float64(case: Case) -> None:
    ours, theirs = case.pair(tiny=True)
    agree_in_float64(Pair(ours, theirs, case.call), case.tiny_inputs(3))


@pytest.mark.parametrize("case", CASES, ids=BY_NAME)
def test_the_full_one_loads_the_librarys_weights_and_agrees(case: Case) -> None:
    ours, theirs = case.pair(tiny=False)
    agree_in_float32(Pair(ours, theirs, case.call), case.inputs(2))


@pytest.mark.parametrize("case", CASES, ids=BY_NAME)
def test_the_onnx_model_agrees_at_three_batch_sizes(case: Case) -> None:
    _, theirs = case.pair(tiny=True)
    running = session(spec(case.file).onnx(case.arch, weights=theirs.state_dict(), given=case.given, **case.config))
    for n in (1, 3, 4):
        agrees(running, theirs, case.call, case.tiny_inputs(n))


def test_the_onnx_model_of_a_full_resnet50_agrees_at_three_batch_sizes() -> None:
    case = BY_NAME["resnet50"]
    ours, theirs = case.pair(tiny=False)
    exchange(Pair(ours, theirs))
    running = session(spec(case.file).onnx(case.arch, weights=ours))
    for n in (1, 2, 3):
        agrees(running, theirs, case.call, case.inputs(n))
