"""The language's example programs against transformers and against references written by hand, tiny and in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.oracles import by_hand
from tests.oracles.cases import NO_DROPOUT, TINY_WORDS, call_gpt2, gpt2, image, words
from tests.oracles.comparing import Call, InDouble, Inputs, Pair, agree_in_float64, call_ours, in_evaluation, near
from tests.oracles.diffusion_by_hand import sd_unet
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.running import agrees, session

import transformers  # isort: skip

pytestmark = pytest.mark.oracle


@dataclass(frozen=True)
class Example:
    """One example with its tiny configuration and what it is held against: a library's model, or a function of the state dict."""

    name: str
    arch: str
    config: dict[str, Any]
    inputs: Callable[[int], Inputs]
    library: Callable[[], nn.Module] | None = None
    call: Call | None = None
    written: Callable[..., Any] | None = None
    frozen: frozenset[str] = field(default_factory=frozenset)

    @property
    def file(self) -> str:
        return f"examples/{self.name}"


class Written(nn.Module):
    """A function of a state dict as a module with that state."""

    def __init__(self, ours: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.held = ours
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(dict(self.held.state_dict(keep_vars=True)), *inputs)


def drawn(n: int, **shapes: tuple[int, ...]) -> Inputs:
    draw = torch.Generator().manual_seed(n)
    return {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}


def sentences(**lengths: int) -> Callable[[int], Inputs]:
    return lambda n: {
        name: torch.randint(19, (n, length + n), generator=torch.Generator().manual_seed(n + length))
        for name, length in lengths.items()
    }


def graph(n: int) -> Inputs:
    """Some nodes no edge ends in, others several, and one edge stands twice."""
    draw = torch.Generator().manual_seed(n)
    edges = torch.randint(4 + n, (2, 9 * n), generator=draw)
    edges[1][edges[1] == 2] = 1
    edges[:, 0] = edges[:, 1]
    return {"nodes": torch.randn(4 + n, 6, generator=draw), "edges": edges}


def latents(n: int) -> Inputs:
    return {
        "sample": drawn(n, x=(n, 4, 8, 16))["x"],
        "timestep": torch.arange(n) * 37.0,
        "context": drawn(n, x=(n, 4 + n, 8))["x"],
    }


def t5() -> nn.Module:
    config = transformers.T5Config(vocab_size=19, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=2, dropout_rate=0.0)
    config._attn_implementation = "eager"
    return transformers.T5ForConditionalGeneration(config)


def call_t5(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    made = module(input_ids=inputs["source"], decoder_input_ids=inputs["target"], use_cache=False)
    return made.logits, made.encoder_last_hidden_state


def mamba() -> nn.Module:
    return transformers.MambaForCausalLM(
        transformers.MambaConfig(vocab_size=19, hidden_size=16, num_hidden_layers=2, state_size=4)
    )


def rwkv() -> nn.Module:
    config = transformers.RwkvConfig(vocab_size=19, hidden_size=16, num_hidden_layers=2, rescale_every=0)
    return transformers.RwkvForCausalLM(config)


def call_causal(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    return (module(input_ids=inputs["tokens"], use_cache=False).logits,)


EXAMPLES = [
    Example(
        "gpt2",
        "GPT2",
        {**TINY_WORDS, "context": 16, "p": 0.0},
        words(6, 19),
        call=call_gpt2,
        library=gpt2(vocab_size=19, n_positions=16, n_embd=16, n_layer=2, n_head=2, **NO_DROPOUT),
    ),
    Example(
        "t5",
        "T5",
        {**TINY_WORDS, "head_width": 6, "hidden": 24, "p": 0.0},
        sentences(source=70, target=40),
        library=t5,
        call=call_t5,
    ),
    Example("mamba", "Mamba", {"vocab": 19, "width": 16, "depth": 2, "state": 4}, words(7, 19), library=mamba, call=call_causal),
    Example("rwkv4", "RWKV", {"vocab": 19, "width": 16, "depth": 2}, words(7, 19), library=rwkv, call=call_causal),
    Example(
        "lstm",
        "Tagger",
        {"vocab": 19, "width": 5, "hidden": 4, "layers": 2, "tags": 3},
        words(6, 19, "words"),
        written=lambda state, x: by_hand.tagger(state, x, 2),
    ),
    Example("gat", "GAT", {"features": 6, "classes": 3}, graph, written=by_hand.gat),
    Example("seq2seq", "Seq2Seq", {"vocab": 19, "width": 5, "hidden": 4}, sentences(source=5, target=3), written=by_hand.seq2seq),
    Example(
        "ntm",
        "NTM",
        {"inputs": 4, "outputs": 3, "hidden": 6, "slots": 5, "width": 4},
        lambda n: drawn(n, x=(n, 4, 4)),
        written=by_hand.ntm,
    ),
    Example(
        "neural_ode",
        "NeuralODE",
        {"hidden": 5, "steps": 3},
        lambda n: drawn(n, x=(n, 2)),
        written=lambda state, x: by_hand.neural_ode(state, x, 3),
    ),
    Example(
        "ffjord",
        "FFJORD",
        {"width": 3, "hidden": [5, 4], "steps": 2},
        lambda n: drawn(n, x=(n, 3)),
        written=lambda state, x: by_hand.ffjord(state, x, 3, 2),
    ),
    Example(
        "sd_unet",
        "UNet2DCondition",
        {"widths": [32, 64, 64, 32], "attend": [True, False, True, False], "depth": 1, "heads": 2, "text": 8},
        latents,
        written=lambda state, *inputs: sd_unet(state, *inputs, depth=1, heads=2),
    ),
]
BY_NAME = {one.name: one for one in EXAMPLES}


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.library], ids=lambda one: one.name)
def test_an_example_is_the_librarys_model(example: Example) -> None:
    assert example.library is not None
    assert example.call is not None
    theirs = quiet(randomise(example.library()))
    agree_in_float64(Pair(quiet(build(example.file, example.arch, **example.config)), theirs, example.call), example.inputs(3))


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.written], ids=lambda one: one.name)
def test_an_example_is_its_papers_equations(example: Example) -> None:
    assert example.written is not None
    ours = quiet(randomise(build(example.file, example.arch, **example.config))).double()
    agree_with_written(ours, example.written, example.inputs(2))


@pytest.mark.parametrize("file", ["unet", "examples/unet"])
def test_a_unet_is_its_papers_equations(file: str) -> None:
    ours = randomise(build(file, "UNet", base=4, classes=3)).double().eval()
    agree_with_written(ours, by_hand.unet, image(16)(2), training=False)


def agree_with_written(ours: nn.Module, written: Callable[..., Any], inputs: Inputs, training: bool = True) -> None:
    """Results and every gradient, in float64."""
    theirs = Written(ours, written)
    wide = {name: one.double() if one.dtype.is_floating_point else one for name, one in inputs.items()}
    ours.train(training)
    results = call_ours(ours, wide)
    wanted = theirs(*wide.values())
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    named = dict(ours.named_parameters())
    for index, (result, one) in enumerate(zip(results, wanted, strict=True)):
        near(result, one, f"output {index}")
        weights = torch.cos(torch.arange(one.numel(), dtype=torch.float64)).reshape(one.shape)
        mine = torch.autograd.grad((result * weights).sum(), list(named.values()), retain_graph=True, allow_unused=True)
        grads = torch.autograd.grad((one * weights).sum(), list(named.values()), retain_graph=True, allow_unused=True)
        for name, left, right in zip(named, mine, grads, strict=True):
            assert (left is None) == (right is None), name
            if left is not None:
                near(left, right, f"gradient of {name}")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_the_onnx_model_of_an_example_agrees_at_three_sizes(example: Example) -> None:
    ours = quiet(randomise(build(example.file, example.arch, **example.config)))
    running = session(spec(example.file).onnx(example.arch, weights=ours, **example.config))
    for n in (1, 2, 3):
        agrees(running, ours, call_ours, example.inputs(n))


def test_the_reference_in_double_is_in_double() -> None:
    """Shown on the norm of T5, which casts to float32 by itself."""
    norm = t5().encoder.final_layer_norm.double()
    x = torch.randn(2, 16, dtype=torch.float64)
    exact = x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6)
    with InDouble():
        near(in_evaluation(norm, lambda module, inputs: (module(inputs["x"]),), {"x": x})[0], exact, "in double")
    with pytest.raises(AssertionError, match="apart"):
        near(norm(x), exact, "as it is")
