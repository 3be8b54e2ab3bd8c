"""First values follow from the seed and a tensor's key; their distributions are PyTorch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archdsl.compiler import load
from archdsl.targets.torch import drawing
from archdsl.targets.torch.module import build, execute
from archdsl.targets.torch.source import print_source
from tests.targets.torch.made import graph

MIXED = """
block Cell(width: int)(x: [B, T, C]) -> [B, T, C] {
  init Linear.weight = xavier_normal(gain=0.5)
  skip { norm: LayerNorm; up: Linear(width); gelu; down: Linear(C) }
}
arch Mixed(width: int = 96)(tokens: i64[B, T]) -> [B, T, _] {
  init Embedding.weight = trunc_normal(std=0.02)
  param shift: [1, 1, 64] = normal(mean=1.0, std=0.1)
  buffer(persistent=false) noise: [64] = uniform(a=0.0, b=0.001)
  shared wte = Embedding(300, 64, padding_idx=3)
  tokens -> wte
  it + shift + noise
  EXTRA
  cells: repeat 2 { Cell(width) }
  lstm: LSTM(64, num_layers=2)
  gru: GRU(64, bidirectional=true)
  out: Linear(64)
  (it, it, it) -> attn: MultiheadAttention(4)
  mix: Linear(64, init=orthogonal)
  scale: PReLU
  head: Linear(300, bias=false, weight=wte.weight)
}
"""
CONVOLUTIONS = """
arch Net(x: [N, 16, L, L]) -> [N, 10] {
  init Conv2d.weight = kaiming_normal(mode="fan_out")
  init BatchNorm2d.weight = zeros
  conv: Conv2d(32, 3, padding=1)
  bn: BatchNorm2d
  down: { Conv2d(64, 3); GroupNorm(8); Conv2d(64, 1, bias=false, init=trunc_normal(std=0.5, a=-0.1, b=0.1)) }
  up: ConvTranspose2d(32, 3)
  adaptive_avg_pool2d(1) -> flatten(1)
  fc: Linear(10)
}
"""
SHARED = """
arch Net(x: [N, 64]) -> [N, 64] {
  shared f = encoder.first: Linear(64)
  x -> f -> again: f -> relu -> encoder.second: Linear(64)
}
"""


def state(text: str, **options: object) -> dict[str, torch.Tensor]:
    module = build(graph(text, **options), seed=5)
    return {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}


def with_extra(text: str) -> dict[str, torch.Tensor]:
    return state(MIXED.replace("EXTRA", text))


@pytest.mark.parametrize("extra", ["extra: Linear(64)", "extra: GRU(64)", "relu", "param more: [1, 1, 64] = normal; it + more"])
def test_one_step_more_leaves_the_other_tensors_as_they_were(extra: str) -> None:
    plain, longer = with_extra(""), with_extra(extra)
    assert set(plain) <= set(longer)
    assert all(torch.equal(plain[key], longer[key]) for key in plain)


def test_what_is_wider_is_drawn_anew_and_nothing_else() -> None:
    plain, wider = state(MIXED.replace("EXTRA", "")), state(MIXED.replace("EXTRA", ""), width=128)
    other = {key for key in plain if plain[key].shape != wider[key].shape or not torch.equal(plain[key], wider[key])}
    assert other == {key for key in plain if key.split(".")[2:3] in (["up"], ["down"])}


def test_equal_blocks_start_with_different_values() -> None:
    made = with_extra("")
    assert not torch.equal(made["cells.0.up.weight"], made["cells.1.up.weight"])
    assert not torch.equal(made["lstm.weight_hh_l0"], made["lstm.weight_hh_l1"])


def test_another_initializer_elsewhere_changes_nothing_here() -> None:
    plain = state(CONVOLUTIONS)
    other = state(CONVOLUTIONS.replace("  init Conv2d.weight", "  init Linear.bias = normal\n  init Conv2d.weight"))
    assert [key for key in plain if not torch.equal(plain[key], other[key])] == ["fc.bias"]


@pytest.mark.parametrize("text", [MIXED.replace("EXTRA", ""), CONVOLUTIONS, SHARED])
def test_distributions_are_those_of_the_printed_constructors(text: str) -> None:
    """The same file, constructed by its user 20 times under `torch.manual_seed`, against 20 seeds here."""
    found = graph(text)
    printed = print_source(found)
    made = getattr(execute(printed), found.name)
    ours: dict[str, list[torch.Tensor]] = {}
    theirs: dict[str, list[torch.Tensor]] = {}
    with torch.random.fork_rng(devices=[]):
        for seed in range(20):
            torch.manual_seed(seed)
            for into, module in ((theirs, made()), (ours, build(found, seed=seed))):
                for key, tensor in [*module.named_parameters(), *module.named_buffers()]:
                    into.setdefault(key, []).append(tensor.detach().double().flatten())
    assert ours.keys() == theirs.keys()
    for key, drawn in theirs.items():
        want, got = torch.cat(drawn), torch.cat(ours[key])
        spread, count = want.std(), want.numel()
        if spread == 0:
            assert torch.equal(want, got), key
            continue
        assert abs(got.mean() - want.mean()) < 6 * spread * (2 / count) ** 0.5, key
        assert abs(got.std() / spread - 1) < 6 * count**-0.5, key
        assert abs(got.abs().max() / want.abs().max() - 1) < 0.35, key
        for level in (0.1, 0.25, 0.75, 0.9):
            below = (got < want[:1_000_000].quantile(level)).double().mean()
            assert abs(below - level) < 0.02 + 3 * count**-0.5, key


def test_an_orthogonal_weight_is_orthogonal_and_padding_is_zero() -> None:
    made = with_extra("")
    torch.testing.assert_close(made["mix.weight"] @ made["mix.weight"].T, torch.eye(64), atol=1e-5, rtol=0)
    assert made["head.weight"] is made["wte.weight"]


@pytest.mark.parametrize(
    "name", ["resnet_cifar.arch", "mobilenet_v3.arch", "mamba.arch", "rwkv4.arch", "swin.arch", "gru.arch", "dalle_dvae.arch"]
)
def test_every_tensor_is_drawn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PyTorch's layers leave out while they are made is filled with NaN here: none may be left."""

    def fill(self, func, types, args=(), kwargs=None):
        if func in drawing._LATER:
            tensor = args[0] if args else kwargs["tensor"]
            return tensor.detach().fill_(float("nan")) if tensor.is_floating_point() else tensor
        return func(*args, **(kwargs or {}))

    monkeypatch.setattr(drawing.Undrawn, "__torch_function__", fill)
    spec = load(f"specs/{name}")
    module = build(spec.graph(spec.names[0]))
    for key, tensor in [*module.named_parameters(), *module.named_buffers()]:
        assert not tensor.isnan().any(), key


def test_an_instance_under_a_second_label_is_drawn_once() -> None:
    made = state(SHARED)
    assert made["again.weight"] is made["encoder.first.weight"]
    assert set(state(SHARED.replace("-> again: f ", "-> f "))) == set(made) - {"again.weight", "again.bias"}
    assert torch.equal(state(SHARED.replace("-> again: f ", "-> f "))["encoder.first.weight"], made["again.weight"])


def test_the_seed_tells() -> None:
    found = graph(CONVOLUTIONS)
    one, other = build(found, seed=1), build(found, seed=2)
    assert not any(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True) if a.std() > 0)
    assert isinstance(one, nn.Module)
