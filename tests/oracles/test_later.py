"""Later language and speech models: parameters, MACs and keys at full size, and tiny ones against transformers in float64."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archdsl.analyses.cost import macs, parameters
from archdsl.dims.dim import Dim
from tests.oracles.comparing import Pair, agree_in_float64, near, same_keys
from tests.oracles.later_cases import CASES, Later, whisper
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.running import agrees, session

pytestmark = pytest.mark.oracle
TINY = [case for case in CASES if case.tiny]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_spec_counts_what_the_library_counts(case: Later) -> None:
    assert case.full is not None
    graph = spec(case.file).graph(case.arch)
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        theirs = case.full()
        if case.feed is not None:
            theirs(**case.feed())
    assert parameters(graph) == sum(one.numel() for one in theirs.parameters())
    if case.feed is not None:
        found = macs(graph)
        assert isinstance(found, Dim)
        assert found.evaluate(case.sizes) == counter.get_total_flops() // 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_keys_are_the_librarys(case: Later) -> None:
    assert case.full is not None
    with torch.device("meta"):
        theirs = case.full().state_dict()
    same_keys(build(case.file, case.arch, device="meta"), {name: tuple(one.shape) for name, one in theirs.items()})


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_a_tiny_one_is_the_same_in_float64(case: Later) -> None:
    assert case.tiny is not None
    assert case.inputs is not None
    theirs = quiet(randomise(case.tiny()))
    ours = quiet(build(case.file, case.arch, **case.config))
    agree_in_float64(Pair(ours, theirs, case.call, case.frozen), case.inputs(2))


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_the_onnx_model_of_a_tiny_one_agrees_at_two_batch_sizes_and_lengths(case: Later) -> None:
    assert case.tiny is not None
    assert case.inputs is not None
    theirs = quiet(randomise(case.tiny()))
    running = session(spec(case.file).onnx(case.arch, weights=theirs.state_dict(), given=case.given, **case.config))
    for n in (1, 3):
        agrees(running, theirs, case.call, case.inputs(n))


def test_whispers_places_are_the_librarys_sines() -> None:
    key = "model.encoder.embed_positions.weight"
    config = {"vocab": 19, "width": 16, "depth": 1, "heads": 2, "frames": 10, "padding": 0}
    ours = build("whisper", "Whisper", **config).state_dict()[key]
    near(ours, whisper(16, 1, 2, max_source_positions=10)().state_dict()[key], "places", 1e-6)


def test_mamba_2_steps_give_the_whole() -> None:
    config = {"vocab": 19, "width": 16, "depth": 2, "heads": 4, "state": 6, "groups": 2}
    whole = build("mamba2", "Mamba2", **config).double().eval()
    step = spec("mamba2").step("Mamba2", dtype=torch.float64, **config).eval()
    step.load_state_dict(whole.state_dict())
    tokens = torch.randint(19, (3, 7), generator=torch.Generator().manual_seed(0))
    wanted = whole(tokens)
    state: tuple[torch.Tensor, ...] = ()
    for t in range(tokens.shape[1]):
        logits, *rest = step(tokens[:, t], *state)
        state = tuple(rest)
        near(logits, wanted[:, t], f"step {t}")
