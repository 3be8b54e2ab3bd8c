"""Net2Net: wider and deeper networks compute what the narrow one did, to 1e-6 in float32 and to rounding in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import archdsl
from archdsl.cli.main import guarded, run
from archdsl.source import Source
from archdsl.weights.growing.grow import grow
from archdsl.weights.growing.probe import find_maps
from archdsl.weights.migrating import Migration

SPECS = Path(__file__).resolve().parents[2] / "specs"


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """Parameters and statistics away from where they start."""
    draw = torch.Generator().manual_seed(11)
    for name, one in module.state_dict().items():
        if one.is_floating_point():
            one.copy_(torch.randn(one.shape, generator=draw) * 0.3)
            if name.endswith("running_var"):
                one.abs_().add_(0.1)
    return module.eval()


def grown(
    spec: archdsl.Spec, x: torch.Tensor, new: dict[str, Any], name: str | None = None, old: dict[str, Any] | None = None,
    *, into: str | None = None, dtype: torch.dtype = torch.float64, error: float = 1e-12,
) -> Migration:  # fmt: skip
    """The weights in the larger network, which computes the same."""
    old = old or {}
    narrow = randomised(spec.build(name, dtype=dtype, **old))
    made = grow(spec.graph(name, **old), spec.graph(into or name, **{**old, **new}), narrow.state_dict())
    wide = spec.build(into or name, dtype=dtype, weights=made.state, **{**old, **new}).eval()
    with torch.no_grad():
        wanted, found = narrow(x), wide(x)
    assert wanted.abs().max() > 0
    assert (found - wanted).abs().max() <= error * wanted.abs().max()
    assert sum(one.numel() for one in wide.parameters()) > sum(one.numel() for one in narrow.parameters())
    return made


def net(text: str) -> archdsl.Spec:
    return archdsl.load(Source("net.arch", text))


CNN = """arch Net(w: int = 8, depth: int = 2, mid: int = 8)(x: [N, 3, H, W]) -> y: [N, _] {
  c1: Conv2d(w, 3, padding=1); b1: BatchNorm2d; relu
  body: repeat depth {
    skip { conv: Conv2d(mid, 3, padding=1); bn: BatchNorm2d; relu; c2: Conv2d(w, 3, padding=1); b2: BatchNorm2d }
    relu
  }
  dw: Conv2d(w, 3, groups=w)
  mean(axis=[2, 3])
  head y { out: Linear(4) }
}
"""


@pytest.mark.parametrize("new", [{"w": 12}, {"w": 17}, {"mid": 11}, {"depth": 4}, {"depth": 3, "w": 13, "mid": 9}])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_convolutional_network(new: dict[str, int], dtype: torch.dtype) -> None:
    error = 1e-12 if dtype == torch.float64 else 1e-6
    grown(net(CNN), torch.randn(2, 3, 9, 9, dtype=dtype), new, dtype=dtype, error=error)


def test_new_blocks_begin_as_zero_branches_with_their_first_values_inside() -> None:
    made = grown(net(CNN), torch.randn(2, 3, 9, 9, dtype=torch.float64), {"depth": 3})
    assert {one.split(".")[1] for one in made.new} == {"2"}
    assert not made.state["body.2.b2.weight"].any()
    assert made.state["body.2.conv.weight"].any()
    assert str(made).splitlines()[-1].startswith("  body.2.b2")


STEPS = {
    "a layer that is an identity": ("fc: Linear(6); relu", "fc: Linear(6); relu; more: Linear(6); relu"),
    "a norm beside it": ("fc: Linear(6); relu", "fc: Linear(6); bn: BatchNorm1d; relu"),
    "a gated skip": ("relu", "relu; g: Linear(6); skip(add) { Linear(6); gelu; u: Linear(6); d: Dropout(0.3) }"),
    "dropout": ("relu", "relu; Dropout(0.5)"),
    "a scale of its own": ("relu", "relu; param s: [6] = ones; skip { u: Linear(6, bias=false); it * s }"),
}


@pytest.mark.parametrize("what", STEPS)
def test_a_step_put_in(what: str) -> None:
    text = "arch Net(x: [N, 4]) -> y: [N, 3] { fc: Linear(6); relu; head y { out: Linear(3) } }\n"
    spec = net(text + text.replace("Net", "More").replace(*STEPS[what]))
    if what == "dropout":
        made = grow(spec.graph("Net"), spec.graph("More"), spec.build("Net").state_dict())
        assert not made.new
    else:
        grown(spec, torch.randn(5, 4, dtype=torch.float64), {}, "Net", into="More")


def test_a_step_that_changes_nothing_may_go() -> None:
    text = (
        "arch Net(x: [N, 4]) -> y: [N, 3] { fc: Linear(6); Dropout(0.5); relu; Dropout(0.2); more: Linear(6)\n"
        "head y { out: Linear(3) } }\n"
    )
    spec = net(text + text.replace("Net", "Less").replace("Dropout(0.5); ", "").replace("Dropout(0.2);", ""))
    made = grow(spec.graph("Net"), spec.graph("Less"), spec.build("Net").state_dict())
    assert made.new == made.dropped == ()


def test_relu_may_stand_twice_and_gelu_may_not() -> None:
    text = "arch Net(x: [N, 4]) -> y: [N, 3] { fc: Linear(6); gelu; head y { out: Linear(3) } }\n"
    spec = net(text + text.replace("Net", "More").replace("gelu", "gelu; more: Linear(6); gelu"))
    with pytest.raises(archdsl.ArchError, match="gelu cannot be made to change nothing"):
        grow(spec.graph("Net"), spec.graph("More"), spec.build("Net").state_dict())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("fc: Linear(6)", "fc: Linear(4)", "may only grow"),
        ("fc: Linear(6); ln: LayerNorm", "fc: Linear(9); ln: LayerNorm", "LayerNorm of an axis that grows from 6 to 9"),
        ("fc: Linear(6); softmax(axis=-1)", "fc: Linear(12); softmax(axis=-1)", "softmax of an axis"),
        ("fc: Linear(6)", "fc: Linear(6); softmax(axis=-1)", "softmax cannot be made to change nothing"),
        ("fc: Linear(6); relu", "fc: Linear(6); tanh", "it is tanh where relu stood"),
        ("fc: Linear(6); relu", "fc: Linear(6)", "it takes what `fc` gave, where it took what relu gave"),
        ("fc: Linear(6)", "fc: Linear(6, bias=false)", "its bias is gone"),
        ("fc: Linear(6); leaky_relu(0.1)", "fc: Linear(6); leaky_relu(0.2)", "negative_slope=0.2 where it was 0.1"),
        ("unsqueeze(-1); c: Conv1d(4, 1); flatten(1)", "unsqueeze(-1); c: Conv1d(4, 3, padding=1); flatten(1)", "size=3 where"),
        ("fc: Linear(6)", "fc: Linear(6); more: LayerNorm", "`more` cannot be made to change nothing"),
        ("fc: Linear(6)", "fc: Linear(6); more: PReLU", "`more` cannot be made to change nothing"),
        ("fc: Linear(6); sum(axis=-1, keepdim=true)", "fc: Linear(8); sum(axis=-1, keepdim=true)", "sum of an axis"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(old: str, new: str, told: str) -> None:
    text = "arch Net(x: [N, 4]) -> y: [N, 3] {\n  %s\n  head y { out: Linear(3) }\n}\n"
    spec = net(text % old + text.replace("Net", "More") % new)
    with pytest.raises(archdsl.ArchError) as caught:
        grow(spec.graph("Net"), spec.graph("More"), spec.build("Net").state_dict())
    (problem,) = caught.value.problems
    assert problem.code == "cannot-keep-function"
    assert told in problem.message()
    assert problem.at.source.name == "net.arch"


def test_a_mean_of_a_norm_is_kept_where_all_places_come_equally_often() -> None:
    text = """arch Net(w: int = 6)(x: [N, 4]) -> y: [N, 3] {
  fc: Linear(w); ln: LayerNorm; gelu; rms: RMSNorm; up: Linear(2*w); split([w, w], axis=-1) -> concat(axis=-1); gn: GroupNorm(1)
  head y { out: Linear(3) }
}"""
    grown(net(text), torch.randn(5, 4, dtype=torch.float64), {"w": 12})
    with pytest.raises(archdsl.ArchError):
        grow(net(text).graph(), net(text).graph(w=9), net(text).build().state_dict())


def test_heads_that_are_cut_out_of_one_projection() -> None:
    """The axis of `qkv` is three parts of heads of places; each part is repeated by heads."""
    text = """arch Net(heads: int = 2)(x: [N, T, 8]) -> y: [N, T, 3] {
  qkv: Linear(3*4*heads)
  q, k, v = chunk(it, 3, axis=-1)
  h = attention(rearrange(q, "n t (h d) -> n h t d", h=heads), rearrange(k, "n t (h d) -> n h t d", h=heads),
                rearrange(v, "n t (h d) -> n h t d", h=heads), causal=true)
  rearrange(h, "n h t d -> n t (h d)")
  head y { out: Linear(3) }
}"""
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    grown(net(text), x, {"heads": 4})
    grown(net(text), x, {"heads": 3})


def test_groups_of_channels_are_widened_each_for_itself() -> None:
    text = """arch Net(w: int = 8)(x: [N, 3, H, W]) -> y: [N, 2] {
  c1: Conv2d(w, 3, padding=1); n1: GroupNorm(2); relu; n2: InstanceNorm2d(affine=true); c2: Conv2d(2*w, 3, groups=2); gelu
  mean(axis=[2, 3])
  head y { fc: Linear(2) }
}"""
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    grown(net(text), x, {"w": 16})
    with pytest.raises(archdsl.ArchError, match="GroupNorm of an axis that grows from 8 to 12"):
        grow(net(text).graph(), net(text).graph(w=12), net(text).build().state_dict())


def test_tied_tensors_cannot_be_two() -> None:
    text = """arch Net(w: int = 4)(x: i64[N, T]) -> y: [N, T, 10] {
  shared a = Embedding(10, w)
  x -> a
  head y { out: Linear(10, bias=false, weight=a.weight) }
}"""
    with pytest.raises(archdsl.ArchError, match="which are one tensor"):
        grow(net(text).graph(), net(text).graph(w=8), net(text).build().state_dict())


@pytest.mark.parametrize(
    ("spec", "name", "old", "new", "shape"),
    [
        ("resnet", "ResNet", {"depths": [1, 1, 1, 1]}, {"depths": [2, 3, 1, 1]}, (1, 3, 33, 33)),
        ("mobilenet_v2", None, {"width": 0.35}, {"width": 0.5}, (1, 3, 33, 33)),
        ("densenet", "DenseNet", {"depths": [2, 2, 1, 1], "growth": 8, "stem": 12}, {"growth": 11, "stem": 15}, (1, 3, 33, 33)),
        ("unet", None, {"base": 4}, {"base": 7}, (1, 3, 188, 188)),
        ("vit", "ViTB16", {"width": 24, "heads": 2, "depth": 1, "hidden": 48}, {"hidden": 50, "depth": 3}, (1, 3, 224, 224)),
        ("vit", "ViTB16", {"width": 24, "heads": 2, "depth": 1, "hidden": 48}, {"width": 48, "heads": 4}, (1, 3, 224, 224)),
        ("gpt2", "GPT2", {"width": 24, "heads": 2, "depth": 1}, {"depth": 3}, (2, 7)),
        ("llama", "Llama", {"width": 24, "heads": 2, "kv_heads": 2, "depth": 1, "hidden": 9}, {"hidden": 14, "depth": 2}, (2, 7)),
    ],
)  # fmt: skip
def test_specs(spec: str, name: str | None, old: dict[str, Any], new: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64) if len(shape) > 2 else torch.randint(0, 99, shape)
    grown(archdsl.load(SPECS / f"{spec}.arch"), x, new, name, old)


def test_found_maps_are_checked_to_the_last_element() -> None:
    old = torch.randn(3, 4, dtype=torch.float64)
    new = old[[0, 1, 2, 2, 0]][:, [0, 1, 2, 3, 1]]
    assert find_maps(old, new, ()) == {0: (0, 1, 2, 2, 0), 1: (0, 1, 2, 3, 1)}
    new[4, 4] += 1e-6
    assert find_maps(old, new, ()) is None


def call(*arguments: str) -> int:
    return guarded(lambda: run(arguments), arguments)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(CNN)
    save_file(net(CNN).build().state_dict(), "w.safetensors")
    flags = ("--same-function", "-o", "out.safetensors")
    assert call("weights", "migrate", "net.arch", "net.arch", "w.safetensors", "--new", "w=16", *flags) == 0
    assert "what was there is repeated" in capsys.readouterr().out
    wide = net(CNN).build(weights="out.safetensors", w=16).eval()
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(wide(x), net(CNN).build().eval()(x))
    Path("out.safetensors").unlink()
    assert call("weights", "migrate", "net.arch", "net.arch", "w.safetensors", "--new", "w=4", *flags) == 1
    assert "may only grow" in capsys.readouterr().err
    assert not Path("out.safetensors").exists()
    assert call("weights", "migrate", "net.arch", "net.arch", "w.safetensors", "--rename", "a=b", *flags) == 2


@pytest.mark.parametrize("new", [{"context": 9}, {"vocab": 31}, {"context": 8, "vocab": 29, "width": 12}])
def test_a_longer_table_is_the_same_for_what_it_had(new: dict[str, int]) -> None:
    spec = net("""arch Net(vocab: int = 20, context: int = 7, width: int = 6)(x: i64[N, T]) -> y: [N, T, _] {
      require T <= context
      words: Embedding(vocab, width)
      it + (arange(T) -> places: Embedding(context, width))
      head y { out: Linear(4) }
    }""")
    made = grown(spec, torch.randint(0, 20, (2, 7)), new)
    assert not made.new


@pytest.mark.parametrize(("old", "new"), [(2, 4), (1, 4), (2, 8), (4, 8)])
def test_more_keys_for_the_same_queries(old: int, new: int) -> None:
    spec = net("""arch Net(keys: int = 2)(x: [N, T, 16]) -> y: [N, T, 16] {
      q = x -> q: Linear(16) -> rearrange("b t (h d) -> b h t d", h=8)
      k = x -> k: Linear(2 * keys) -> rearrange("b t (h d) -> b h t d", h=keys)
      v = x -> v: Linear(2 * keys) -> rearrange("b t (h d) -> b h t d", h=keys)
      attention(q, k, v, causal=true) -> rearrange("b h t d -> b t (h d)")
      head y { o: Linear(16) }
    }""")
    grown(spec, torch.randn(2, 5, 16, dtype=torch.float64), {"keys": new}, old={"keys": old})
