"""The zoo's recurrent networks and state space models: counts and keys at full size, tiny ones against a reference in float64."""

from __future__ import annotations

import pytest
import torch

from archdsl.analyses.cost import macs, parameters
from archdsl.dims.dim import Dim
from tests.oracles.comparing import Pair, agree_in_float64, call_ours, near, same_keys
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.recurrent_cases import CASES, Recurrent
from tests.oracles.running import agrees, session
from tests.oracles.test_counts import keys, zoo

pytestmark = pytest.mark.oracle
TINY = [case for case in CASES if case.tiny]
STREAMS = [case for case in TINY if not case.name.endswith(("_bi", "_np", "_seed"))]
"""What reads backwards needs the whole sequence, and a cell has none."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_spec_counts_what_the_zoo_counts(case: Recurrent) -> None:
    graph = spec(case.file).graph(case.arch)
    row = zoo()[case.name]
    assert parameters(graph) == row["params"]
    if "macs" in row:
        counted = macs(graph)
        assert (counted.evaluate(case.sizes) if isinstance(counted, Dim) else counted) == row["macs"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_keys_are_those_of_the_zoo(case: Recurrent) -> None:
    made = build(case.file, case.arch, device="meta")
    same_keys(made, keys(case.name))
    assert [name for name, tensor in made.state_dict().items() if not tensor.is_meta] == []


@pytest.mark.parametrize("length", [2, 7, 150])  # the last is long enough for the chunked forms
@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_a_tiny_one_is_the_same_in_float64(case: Recurrent, length: int) -> None:
    assert case.tiny is not None
    theirs = quiet(randomise(case.tiny()))
    ours = quiet(build(case.file, case.arch, **case.config))
    agree_in_float64(Pair(ours, theirs, case.call), case.inputs(2, length))


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_the_onnx_model_of_a_tiny_one_agrees_at_several_sizes(case: Recurrent) -> None:
    assert case.tiny is not None
    theirs = quiet(randomise(case.tiny()))
    running = session(spec(case.file).onnx(case.arch, weights=theirs.state_dict(), **case.config))
    for n, length in ((1, 7), (3, 7), (2, 1), (2, 40)):
        agrees(running, theirs, case.call, case.inputs(n, length))


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.name)
def test_one_step_after_the_other_gives_the_whole(case: Recurrent) -> None:
    whole = quiet(randomise(build(case.file, case.arch, **case.config))).double().eval()
    step = spec(case.file).step(case.arch, dtype=torch.float64, **case.config).eval()
    step.load_state_dict(whole.state_dict(), strict=True)
    inputs = {name: one.double() if one.dtype.is_floating_point else one for name, one in case.inputs(2, 9).items()}
    state: tuple[torch.Tensor, ...] = ()
    with torch.no_grad():
        wanted = call_ours(whole, inputs)
        for t in range(9):
            made = step(*(one[:, t] for one in inputs.values()), *state)
            state = made[len(wanted) :]
            near(made[0], wanted[0][:, t], f"step {t}")
    for index, (one, last) in enumerate(zip(made[1 : len(wanted)], wanted[1:], strict=True)):
        near(one, last, f"last state {index}")
