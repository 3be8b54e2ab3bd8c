"""The zoo's transformers of text: parameters, MACs and keys at full size, and tiny ones against a reference in float64."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archdsl.analyses.cost import macs, parameters
from archdsl.dims.dim import Dim
from tests.oracles.comparing import Pair, agree_in_float64, call_ours, same_keys
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.running import agrees, session
from tests.oracles.test_counts import keys, zoo
from tests.oracles.transformer_cases import CASES, DROPPING, STARTS, Text

import transformers  # isort: skip

pytestmark = pytest.mark.oracle
ROWS = [case for case in CASES if case.row]
TINY = [case for case in CASES if case.tiny]
LLAMA = {
    "Llama": {},
    "Llama2_13B": {"hidden_size": 5120, "num_hidden_layers": 40, "num_attention_heads": 40, "intermediate_size": 13824},
    "Llama2_70B": {
        "hidden_size": 8192,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "intermediate_size": 28672,
    },
    "Llama3_8B": {"vocab_size": 128256, "num_key_value_heads": 8, "intermediate_size": 14336},
}


def counted(case: Text) -> int:
    found = macs(spec(case.file).graph(case.arch))
    return found.evaluate(case.sizes) if isinstance(found, Dim) else found


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_the_spec_counts_what_the_zoo_counts(case: Text) -> None:
    row = zoo()[case.name]
    assert parameters(spec(case.file).graph(case.arch)) == row["params"]
    assert counted(case) == row["macs"]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_the_keys_are_those_of_the_zoo(case: Text) -> None:
    made = build(case.file, case.arch, device="meta")
    same_keys(made, keys(case.name))
    assert [name for name, tensor in made.state_dict().items() if not tensor.is_meta] == []


@pytest.mark.parametrize("arch", LLAMA)
def test_a_llama_counts_what_the_library_counts(arch: str) -> None:
    config = transformers.LlamaConfig(**LLAMA[arch])
    config._attn_implementation = "eager"
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        theirs = transformers.LlamaForCausalLM(config)
        words, mask = torch.zeros(1, 512, dtype=torch.long), torch.zeros(1, 1, 512, 512)
        theirs(input_ids=words, attention_mask=mask, use_cache=False)
    graph = spec("llama").graph(arch)
    assert parameters(graph) == sum(one.numel() for one in theirs.parameters())
    found = macs(graph)
    assert isinstance(found, Dim)
    assert found.evaluate({"B": 1, "T": 512}) == counter.get_total_flops() // 2
    same_keys(build("llama", arch, device="meta"), {name: tuple(one.shape) for name, one in theirs.state_dict().items()})


@pytest.mark.parametrize("name", STARTS)
def test_it_starts_as_the_librarys_does(name: str) -> None:
    """Each tensor's first values have the same mean, spread and form, as far as so many draws can tell."""
    file, arch, config, make = STARTS[name]
    torch.manual_seed(0)
    theirs = make().state_dict()
    for key, mine in build(file, arch, **config).state_dict().items():
        one, other = mine.double(), theirs[key].double()
        spread, doubt = other.std(), 6 / one.numel() ** 0.5
        if spread == 0:
            assert torch.equal(one, other), key
            continue
        assert abs(one.std() / spread - 1) < doubt, key
        assert abs(one.mean() - other.mean()) < 1.5 * doubt * spread, key
        assert abs(one.abs().mean() / one.std() - other.abs().mean() / spread) < doubt, key


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_a_tiny_one_is_the_same_in_float64(case: Text) -> None:
    assert case.tiny is not None
    assert case.inputs is not None
    theirs = quiet(randomise(case.tiny()))
    ours = quiet(build(case.file, case.arch, **case.config))
    agree_in_float64(Pair(ours, theirs, case.call), case.inputs(2))


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_the_onnx_model_of_a_tiny_one_agrees_at_two_batch_sizes_and_lengths(case: Text) -> None:
    assert case.tiny is not None
    assert case.inputs is not None
    theirs = quiet(randomise(case.tiny()))
    running = session(spec(case.file).onnx(case.arch, weights=theirs.state_dict(), given=case.given, **case.config))
    for n in (1, 3):
        agrees(running, theirs, case.call, case.inputs(n))


@pytest.mark.parametrize("case", DROPPING, ids=lambda case: case.name)
def test_dropout_stands_where_the_library_has_it(case: Text) -> None:
    """In training the mean and the spread of each output are the library's, as far as so many draws can tell; without the one on
    the weights of T5's attention they are 9 and 5 apart."""
    assert case.tiny is not None
    assert case.inputs is not None
    draws = 6000
    theirs = randomise(case.tiny()).train()
    ours = build(case.file, case.arch, **case.config).train()
    ours.load_state_dict(theirs.state_dict())
    inputs = {name: one.repeat(draws, *[1] * (one.ndim - 1)) for name, one in case.inputs(1).items()}
    torch.manual_seed(0)
    with torch.no_grad():
        pairs = list(zip(call_ours(ours, inputs), case.call(theirs, inputs), strict=True))
    for mine, other in pairs:
        spread = other.double().std(0)
        apart = (mine.double().mean(0) - other.double().mean(0)).abs() / (spread * (2 / draws) ** 0.5)
        assert apart.max() < 4.5
        assert (mine.double().std(0) / spread - 1).abs().max() * draws**0.5 < 4.5
