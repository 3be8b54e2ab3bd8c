"""Weights across edits: which tensor is which afterwards, what becomes of those that changed, against torch by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import archdsl
from archdsl.cli.main import guarded, run
from archdsl.source import Source
from archdsl.weights.migrating import Migration, migrate, overlaid

BLOCK = """block Part(width: int)(x: [N, D]) -> [N, D] {
  skip { norm: LayerNorm; fc1: Linear(width); relu; fc2: Linear(D) }
}
"""
NET = (
    BLOCK
    + """arch Net(depth: int = 3, width: int = 16, classes: int = 4)(x: [N, 8]) -> y: [N, _] {
  parts: repeat depth { Part(width) }
  norm: LayerNorm
  head y { out: Linear(classes) }
}
"""
)


def graph(text: str, **config: object) -> archdsl.Spec:
    return archdsl.load(Source("net.arch", text)).graph(**config)


def weights(text: str, **config: object) -> dict[str, torch.Tensor]:
    """A state dict whose every number is its own."""
    state = archdsl.load(Source("net.arch", text)).build(seed=5, **config).state_dict()
    draw = torch.Generator().manual_seed(7)
    return {
        key: torch.randn(one.shape, generator=draw)
        if one.is_floating_point()
        else torch.randint(1, 99, one.shape, generator=draw)
        for key, one in state.items()
    }


def across(before: str, after: str, rename: tuple[str, ...] = (), **config: object) -> tuple[Migration, dict[str, torch.Tensor]]:
    """The migration, and what was given; the result loads."""
    state = weights(before)
    made = migrate(graph(before), graph(after, **config), state, rename=rename, seed=3)
    archdsl.load(Source("net.arch", after)).build(weights=made.state, **config)
    return made, state


def sources(made: Migration) -> dict[str, str]:
    return {one.name: one.source for one in (*made.kept, *made.resized) if one.name != one.source}


def test_nothing_changed() -> None:
    made, state = across(NET, NET)
    assert len(made.kept) == len(state)
    assert made.resized == made.new == made.dropped == ()
    assert all(torch.equal(made.state[key], one) for key, one in state.items())


def test_more_of_a_repeat_are_new_and_fewer_are_dropped() -> None:
    made, state = across(NET, NET, depth=5)
    fresh = archdsl.load(Source("net.arch", NET)).build(seed=3, depth=5).state_dict()
    assert sorted({key.split(".")[1] for key in made.new}) == ["3", "4"]
    assert all(torch.equal(made.state[key], fresh[key]) for key in made.new)
    assert all(torch.equal(made.state[key], one) for key, one in state.items())
    less, _ = across(NET, NET, depth=1)
    assert sorted({key.split(".")[1] for key in less.dropped}) == ["1", "2"]


def test_what_overlaps_is_copied_into_the_new_first_values() -> None:
    made, state = across(NET, NET, width=24, classes=2)
    fresh = archdsl.load(Source("net.arch", NET)).build(seed=3, width=24, classes=2).state_dict()
    assert [one.name for one in made.resized if one.name.startswith("parts.0")] == [
        "parts.0.fc1.weight", "parts.0.fc1.bias", "parts.0.fc2.weight",
    ]  # fmt: skip
    for key in ("parts.1.fc1.weight", "parts.1.fc2.weight", "out.weight", "out.bias"):
        wanted = fresh[key].clone()
        corner = tuple(slice(min(pair)) for pair in zip(wanted.shape, state[key].shape, strict=True))
        wanted[corner] = state[key][corner]
        assert torch.equal(made.state[key], wanted)


@pytest.mark.parametrize(
    ("edit", "moves"),
    [
        (("norm: LayerNorm\n  head", "last: LayerNorm\n  head"), {"last.weight": "norm.weight", "last.bias": "norm.bias"}),
        (("parts: repeat", "h: repeat"), {"h.1.fc2.bias": "parts.1.fc2.bias"}),
        (("fc1: Linear(width); relu", "inner: { fc1: Linear(width) }; relu"), {"parts.2.inner.fc1.weight": "parts.2.fc1.weight"}),
        (("  norm: LayerNorm\n  head y {", "  head y { norm: LayerNorm;"), {}),
        (("relu", "gelu"), {}),
        (("skip {", "{"), {}),
    ],
)  # fmt: skip
def test_steps_that_moved_keep_their_weights(edit: tuple[str, str], moves: dict[str, str]) -> None:
    made, state = across(NET, NET.replace(*edit))
    assert len(made.kept) == len(state)
    assert moves.items() <= sources(made).items()
    assert bool(moves) == bool(sources(made))
    assert all(torch.equal(made.state[one.name], state[one.source]) for one in made.kept)


FLAT = "arch Net(x: [N, 3, 16, 16]) -> y: [N, 5] {\n  body: {\n%s\n  }\n  head y { mean(axis=[2, 3]) -> fc: Linear(5) }\n}\n"
CONVS = [f"    Conv2d({width}, 3, padding=1, bias=false)\n    BatchNorm2d\n    relu" for width in (8, 12, 12, 16)]


@pytest.mark.parametrize("at", [0, 1, 2, 4])
def test_a_step_put_between_numbered_ones_moves_no_weights(at: int) -> None:
    """Ultralytics 17870, yolov9 555: a layer put in lost the weights of all later ones."""
    extra = [*CONVS[:at], "    Conv2d(10, 1)", *CONVS[at:]]
    made, state = across(FLAT % "\n".join(CONVS), FLAT % "\n".join(extra))
    assert made.new == (f"body.{3 * at}.weight", f"body.{3 * at}.bias")
    assert not made.dropped
    for one in made.kept:
        old, new = one.source.split("."), one.name.split(".")
        if old[0] == "body":
            assert int(new[1]) == int(old[1]) + (int(old[1]) >= 3 * at)
        assert torch.equal(made.state[one.name], state[one.source])
    assert len(made.kept) + len(made.resized) == len(state)
    assert len(made.resized) <= 1


def test_a_step_taken_out_of_numbered_ones_drops_its_own_weights_alone() -> None:
    made, state = across(FLAT % "\n".join(CONVS), FLAT % "\n".join([*CONVS[:1], *CONVS[2:]]))
    assert {one.rpartition(".")[0] for one in made.dropped} in ({"body.3", "body.4"}, {"body.6", "body.7"})
    assert torch.equal(made.state["body.6.weight"], state["body.9.weight"])


def test_gates_and_projections_are_resized_each_for_itself() -> None:
    before = "arch Net(h: int = 4)(x: [N, T, 3]) -> y: [N, T, _] { head y { rnn: LSTM(h) } }"
    made, state = across(before, before, h=6)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
        new, old = made.state[f"rnn.{name}"], state[f"rnn.{name}"]
        for gate in range(4):
            part, was = new[6 * gate : 6 * gate + 4], old[4 * gate : 4 * gate + 4]
            assert torch.equal(part[..., : was.shape[-1]] if part.ndim > 1 else part, was)
    before = (
        "arch Net(d: int = 8)(x: [N, T, 3]) -> y: [N, T, _] { e: Linear(d); h = it\n"
        "head y { (h, h, h) -> a: MultiheadAttention(2) } }"
    )
    made, state = across(before, before, d=12)
    for part in range(3):
        assert torch.equal(
            made.state["a.in_proj_weight"][12 * part : 12 * part + 8, :8], state["a.in_proj_weight"][8 * part : 8 * part + 8]
        )


def test_kernels_meet_at_their_middle() -> None:
    before = "arch Net(k: int = 3)(x: [N, 3, H, W]) -> y: [N, 4, H, W] { head y { c: Conv2d(4, k, padding=k // 2) } }"
    made, state = across(before, before, k=5)
    fresh = archdsl.load(Source("net.arch", before)).build(seed=3, k=5).state_dict()["c.weight"]
    assert torch.equal(made.state["c.weight"][:, :, 1:4, 1:4], state["c.weight"])
    assert torch.equal(made.state["c.weight"][:, :, 0], fresh[:, :, 0])
    made, state = across(before, before, k=1)
    assert torch.equal(made.state["c.weight"], state["c.weight"][:, :, 1:2, 1:2])


def test_a_matrix_is_a_convolution_of_one() -> None:
    old, new = torch.randn(4, 3), torch.randn(4, 3, 3, 3)
    made = overlaid(old, new, had=0, window=2)
    assert made is not None
    assert torch.equal(made[:, :, 1, 1], old)
    assert torch.equal(overlaid(made, torch.zeros(4, 3), had=2, window=0), old)
    assert overlaid(old, new) is None


def test_buffers_that_the_program_states_come_from_the_program() -> None:
    text = (
        "arch Net(t: int = 4)(x: [N, 3]) -> y: [N, _] { buffer m: [t] = linspace(0, 1, t)\n"
        "x + m[:3] -> bn: BatchNorm1d; head y { fc: Linear(2) } }"
    )
    made, state = across(text, text, t=6)
    assert made.new == ("m",)
    assert torch.equal(made.state["m"], torch.linspace(0, 1, 6))
    assert torch.equal(made.state["bn.running_var"], state["bn.running_var"])
    kept, state = across(text, text)
    assert torch.equal(kept.state["m"], state["m"])
    other, _ = across(text, text.replace("linspace(0, 1, t)", "linspace(0, 2, t)"))
    assert torch.equal(other.state["m"], torch.linspace(0, 2, 4))


def test_norms_of_another_kind_keep_scale_and_shift() -> None:
    before = FLAT % CONVS[0]
    made, state = across(before, before.replace("BatchNorm2d", "GroupNorm(4)"))
    assert torch.equal(made.state["body.1.weight"], state["body.1.weight"])
    assert sorted(made.dropped) == ["body.1.num_batches_tracked", "body.1.running_mean", "body.1.running_var"]


def test_tied_tensors_are_carried_once_under_all_their_names() -> None:
    tied = (
        "arch Net(x: i64[N, T]) -> y: [N, T, 10] { shared a = Embedding(10, 4); x -> a\n"
        "head y { out: Linear(10, bias=false, weight=a.weight) } }"
    )
    loose = tied.replace(", weight=a.weight", "")
    state = {"a.weight": torch.randn(10, 4)}
    made = migrate(graph(tied), graph(loose), state)
    assert torch.equal(made.state["a.weight"], state["a.weight"])
    assert torch.equal(made.state["out.weight"], state["a.weight"])
    assert made.new == made.dropped == ()
    both = migrate(graph(loose), graph(tied), weights(loose))
    assert torch.equal(both.state["a.weight"], both.state["out.weight"])
    assert both.dropped == ("out.weight",)


def test_scans_and_types() -> None:
    text = """arch Net(x: [N, T, 3]) -> y: [N, _] {
  scan xt in x over axis 1 {
    carry h = zeros(N, 4)
    h = tanh((xt -> w: Linear(4)) + (h -> u: Linear(4)))
    final h
  }
  head y { fc: Linear(2) }
}"""
    state = {key: one.to(torch.bfloat16) for key, one in weights(text).items()}
    made = migrate(
        graph(text),
        graph(text.replace("w: Linear", "v: Linear").replace("fc: Linear(2)", "fc: Linear(7); more: Linear(2)")),
        state,
    )
    assert sources(made) == {"v.weight": "w.weight", "v.bias": "w.bias"}
    assert {one.dtype for one in made.state.values()} == {torch.bfloat16}


def test_rules_come_first() -> None:
    after = (
        NET.replace("parts: repeat", "stages: repeat").replace("fc1", "up").replace("fc2", "fc1").replace("norm: LayerNorm; ", "")
    )
    rename = ("parts.{i}.fc1.{leaf}=stages.{i}.up.{leaf}", "parts.{i}.fc2.*=stages.{i}.fc1.*")
    made, state = across(NET, after, rename=rename)
    for leaf in ("weight", "bias"):
        assert torch.equal(made.state[f"stages.1.up.{leaf}"], state[f"parts.1.fc1.{leaf}"])
        assert torch.equal(made.state[f"stages.1.fc1.{leaf}"], state[f"parts.1.fc2.{leaf}"])


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("part.{i}.fc1.{leaf}=parts.{i}.fc1.{leaf}", "takes no tensor"),
        ("out.{leaf}=aut.{leaf}", "makes `aut.weight` of `out.weight`, which Net does not have"),
        ("out.{leaf}=out.weight", "stands in one of"),
        ("parts.0.*=norm.*", "which Net does not have"),
        ("out", "a rule is"),
        ("out.{=out.{", "is not closed"),
    ],
)
def test_wrong_rules(rule: str, told: str) -> None:
    with pytest.raises(archdsl.ArchError, match=told.replace(".", r"\.")):
        migrate(graph(NET), graph(NET), weights(NET), rename=(rule,))


def test_other_weights_are_refused() -> None:
    state = weights(NET)
    del state["out.bias"]
    with pytest.raises(archdsl.ArchError, match=r"`out\.bias` is missing"):
        migrate(graph(NET), graph(NET), state)
    with pytest.raises(archdsl.ArchError, match=r"`more` is none of its tensors"):
        migrate(graph(NET), graph(NET), {**weights(NET), "more": torch.zeros(1)})
    with pytest.raises(archdsl.ArchError, match=r"is \[16, 8\] and must be \[24, 8\]"):
        migrate(graph(NET, width=24), graph(NET), weights(NET))


def call(*arguments: str) -> int:
    return guarded(lambda: run(arguments), arguments)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("old.arch").write_text(NET + "arch Small = Net(depth=1)\n")
    Path("new.arch").write_text(NET.replace("norm: LayerNorm\n  head", "last: LayerNorm\n  head"))
    save_file(weights(NET), "w.safetensors")
    return tmp_path


def test_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = load_file("w.safetensors")
    assert call("weights", "migrate", "old.arch:Net", "new.arch", "w.safetensors", "-o", "out.safetensors") == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{len(given)} kept\n2 of them under another name:\n  norm.weight -> last.weight\n")
    made = load_file("out.safetensors")
    assert torch.equal(made["last.weight"], given["norm.weight"])
    assert call("weights", "migrate", "old.arch:Net", ":Small", "w.safetensors", "-o", "small.safetensors", "--json") == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert len(result["kept"]) == len(load_file("small.safetensors")) == len(given) - len(result["dropped"])
    more = ("--new", "width=20", "--new", "depth=1")
    assert call("weights", "migrate", "old.arch:Net", "old.arch:Net", "w.safetensors", *more) == 0
    assert "3 resized" in capsys.readouterr().out
    assert not list(here.glob(".archdsl-*"))


def test_a_variant_takes_the_weights_of_its_base(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.arch").write_text(
        NET + "variant Odd of Net { replace relu with gelu; insert after parts.0.fc1 { more: Linear(16) } }\n"
    )
    assert call("weights", "migrate", "odd.arch:Net", ":Odd", "w.safetensors", "-o", "out.safetensors", "--json") == 0
    told = json.loads(capsys.readouterr().out)["result"]
    assert told["new"] == ["parts.0.more.weight", "parts.0.more.bias"]
    assert told["resized"] == told["dropped"] == []
    given, made = load_file("w.safetensors"), load_file("out.safetensors")
    assert all(torch.equal(made[name], one) for name, one in given.items())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("old.arch:Net", "new.arch", "w.safetensors", "--rename", "x=y"), 1, "takes no tensor"),
        (("old.arch:Small", "new.arch", "w.safetensors"), 1, "is none of its tensors"),
        (("old.arch:Net", "new.arch", "nothing.safetensors"), 2, "nothing.safetensors"),
        (("old.arch", "new.arch", "w.safetensors"), 2, "several architectures"),
        (("old.arch:Net", "new.arch", "w.safetensors", "--new", "depth"), 2, "--new"),
        (("old.arch:Net", "new.arch", "w.safetensors", "--new", "deep=2"), 1, "deep"),
    ],
)
def test_nothing_is_written_where_it_fails(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, told: str
) -> None:
    before = sorted(here.iterdir())
    assert call("weights", "migrate", *arguments, "-o", "out.safetensors") == code
    found = capsys.readouterr()
    assert told in found.out + found.err
    assert sorted(here.iterdir()) == before


def test_a_stack_that_is_called_otherwise_with_layers_that_are_called_otherwise() -> None:
    after = NET.replace("parts:", "stack.layers:").replace("fc1:", "up:").replace("fc2:", "down:")
    made, state = across(NET, after)
    assert len(made.kept) == len(state)
    names = {"fc1": "up", "fc2": "down", "norm": "norm"}
    renamed = {
        f"stack.layers.{at}.{new}.{leaf}": f"parts.{at}.{old}.{leaf}"
        for at in range(3)
        for old, new in names.items()
        for leaf in ("weight", "bias")
    }
    assert sources(made) == renamed
    other = after.replace("Part(width) }\n", "Part(width + 1) }\n")  # other shapes under other names are other blocks
    assert not sources(across(NET, other)[0])
