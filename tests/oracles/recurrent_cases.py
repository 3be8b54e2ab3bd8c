"""The zoo's recurrent networks and state space models: which spec each is, and how a tiny one of the reference is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tests.oracles import recurrent_by_hand as hand
from tests.oracles import torchvision_cpu  # noqa: F401  before transformers
from tests.oracles.comparing import Call, Inputs, call_plain

import transformers  # isort: skip


@dataclass(frozen=True)
class Recurrent:
    """One row of the zoo. `tiny` makes the reference that `config` makes ours equal to, without it counts and keys are held."""

    name: str
    file: str
    arch: str
    sizes: dict[str, int]
    tiny: Callable[[], nn.Module] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    inputs: Callable[[int, int], Inputs] = lambda n, length: {}
    call: Call = lambda module, inputs: ()


def sequences(n: int, length: int) -> Inputs:
    """Sequences of five features."""
    return {"x": torch.randn((n, length, 5), generator=torch.Generator().manual_seed(n + length))}


def one_sequence(n: int, length: int) -> Inputs:
    """A sequence of five features without a batch."""
    return {"x": sequences(n, length)["x"][0]}


def one_step(n: int, length: int) -> Inputs:
    """An input of five features and states of seven."""
    x, h, c = torch.randn(19, generator=torch.Generator().manual_seed(n + length)).split([5, 7, 7])
    return {"x": x, "h": h, "c0": c}


def words(n: int, length: int) -> Inputs:
    """Indices into 19 words."""
    return {"tokens": torch.randint(19, (n, length), generator=torch.Generator().manual_seed(n + length))}


def with_states(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    """The sequence and each last state."""
    sequence, last = module(inputs["x"])
    return (sequence, *last) if isinstance(last, tuple) else (sequence, last)


def logits(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return (module(input_ids=inputs["tokens"], use_cache=False).logits,)


LAYERS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def layers(kind: str) -> list[Recurrent]:
    """One of PyTorch's layers: plain, in both directions, stacked, and the zoo's second one, which is both."""

    def row(name: str, arch: str, count: int, both: bool) -> Recurrent:
        return Recurrent(
            name,
            kind,
            arch,
            {"B": 1, "T": 16},
            lambda: LAYERS[kind](5, 7, count, batch_first=True, bidirectional=both),
            {"features": 5, "hidden": 7},
            sequences,
            with_states,
        )

    named = kind.upper()
    return [
        row(kind, named, 1, False),
        row(f"{kind}_bi", f"Bi{named}", 1, True),
        row(f"{kind}_stacked3", f"{named}3", 3, False),
        row(f"{kind}_np", f"Bi{named}2", 2, True),
    ]


def mamba() -> nn.Module:
    config = transformers.MambaConfig(vocab_size=19, hidden_size=16, num_hidden_layers=2, state_size=4)
    return transformers.MambaForCausalLM(config)


def rwkv() -> nn.Module:
    config = transformers.RwkvConfig(vocab_size=19, hidden_size=16, num_hidden_layers=2, rescale_every=0)
    return transformers.RwkvForCausalLM(config)


def s4d(zoh: bool) -> Recurrent:
    """Both discretisations, of the same counts."""
    arch = "S4D" if zoh else "S4DBilinear"
    return Recurrent("s4d", "s4d", arch, {}, lambda: hand.S4D(5, 6, zoh), {"width": 5, "state": 6}, sequences, call_plain)


TINY = {"vocab": 19, "width": 16, "depth": 2}
CASES = [
    *layers("rnn"),
    *layers("gru"),
    *layers("lstm"),
    Recurrent("mamba_130m", "mamba", "Mamba", {"B": 1, "T": 64}, mamba, {**TINY, "state": 4}, words, logits),
    Recurrent("mamba_370m", "mamba", "Mamba370M", {}),
    Recurrent("mamba_790m", "mamba", "Mamba790M", {}),
    Recurrent("mamba_1_4b", "mamba", "Mamba1B4", {}),
    Recurrent("mamba_2_8b", "mamba", "Mamba2B8", {}),
    Recurrent("rwkv4_169m", "rwkv4", "RWKV4", {"B": 1, "T": 64}, rwkv, TINY, words, logits),
    s4d(True),
    s4d(False),
    Recurrent(
        "vanilla_rnn_seed",
        "rnn",
        "VanillaRNN",
        {"T": 6},
        lambda: hand.VanillaRNN(5, 7, 3),
        {"inputs": 5, "hidden": 7, "outputs": 3},
        one_sequence,
        call_plain,
    ),
    Recurrent(
        "lstm_cell_seed",
        "lstm",
        "LSTMCell",
        {},
        lambda: hand.LSTMCell(5, 7),
        {"inputs": 5, "hidden": 7},
        one_step,
        call_plain,
    ),
]
