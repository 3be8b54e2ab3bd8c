"""Design edits against torch modules that were written by hand as they come out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import archdsl
from archdsl import design
from archdsl.designing.solving import NoSolution
from archdsl.ir.graph import Graph
from archdsl.source import Source

SPECS = Path(__file__).resolve().parents[2] / "specs"
CNN = """
block Unit(width: int)(x: [N, C, H, W]) -> [N, width, H, W] {
  skip {
    conv1: Conv2d(width, 3, padding=1, bias=false); bn1: BatchNorm2d; relu
    conv2: Conv2d(width, 3, padding=1); bn2: BatchNorm2d
  }
  relu
}
block Plain(width: int)(x: [N, C, H, W]) -> [N, width, H, W] { conv: Conv2d(width, 1) }

arch Net(width: int = 8, depth: int = 2)(x: [N, 3, H, W]) -> y: [N, 4] {
  stem: Conv2d(width, 3, stride=2, padding=1)
  relu
  body: repeat depth { Unit(width) }
  mean(axis=[2, 3])
  head y { fc: Linear(4) }
}
"""


class Unit(nn.Module):
    """The block, with what an edit puts elsewhere."""

    def __init__(self, width: int = 8, act: nn.Module | None = None, skip: bool = True) -> None:
        super().__init__()
        self.conv1: nn.Module = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(width)
        self.conv2: nn.Module = nn.Conv2d(width, width, 3, padding=1)
        self.bn2: nn.Module = nn.BatchNorm2d(width)
        self.act, self.skip, self.se = act or nn.ReLU(), skip, nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.se(self.bn2(self.conv2(self.act(self.bn1(self.conv1(x))))))
        return self.act(x + y if self.skip else y)


class Net(nn.Module):
    def __init__(self, unit: Callable[[], nn.Module] = Unit, act: nn.Module | None = None) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.body = nn.Sequential(unit(), unit())
        self.fc = nn.Linear(8, 4)
        self.act = act or nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(self.act(self.stem(x))).mean((2, 3)))


def changed(**parts: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """A unit with other parts."""

    def make() -> nn.Module:
        unit = Unit()
        for name, part in parts.items():
            setattr(unit, name, part())
        return unit

    return make


class Scaled(nn.Module):
    """Squeeze-and-excitation with a ratio of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.expand(self.reduce(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


def named(**parts: nn.Module) -> nn.Sequential:
    found = nn.Sequential()
    for name, part in parts.items():
        found.add_module(name, part)
    return found


def separated(bias: bool) -> nn.Module:
    return named(depthwise=nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), pointwise=nn.Conv2d(8, 8, 1, bias=bias))


def factored(bias: bool) -> nn.Module:
    return named(
        row=nn.Conv2d(8, 8, (1, 3), padding=(0, 1), bias=False), column=nn.Conv2d(8, 8, (3, 1), padding=(1, 0), bias=bias)
    )


EDITS: dict[str, tuple[Callable[[Graph], Graph], Callable[[], nn.Module]]] = {
    "activation": (lambda g: design.swap(g, "relu", "gelu"), lambda: Net(lambda: Unit(act=nn.GELU()), nn.GELU())),
    "activation of a place": (lambda g: design.swap(g, "relu", "silu", "body"), lambda: Net(lambda: Unit(act=nn.SiLU()))),
    "norm": (
        lambda g: design.swap(g, "BatchNorm2d", "GroupNorm(4)"),
        lambda: Net(changed(bn1=lambda: nn.GroupNorm(4, 8), bn2=lambda: nn.GroupNorm(4, 8))),
    ),
    "block": (lambda g: design.swap(g, "Unit", "Plain"), lambda: Net(lambda: named(conv=nn.Conv2d(8, 8, 1)))),
    "no skips": (design.without_skips, lambda: Net(lambda: Unit(skip=False))),
    "separable": (
        lambda g: design.separable(g, "body"),
        lambda: Net(changed(conv1=lambda: separated(False), conv2=lambda: separated(True))),
    ),
    "factorised": (
        lambda g: design.factorised(g, "body.*.conv2 | body.*.conv1"),
        lambda: Net(changed(conv1=lambda: factored(False), conv2=lambda: factored(True))),
    ),
    "grouped": (
        lambda g: design.grouped(g, 4),
        lambda: Net(
            changed(
                conv1=lambda: nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False),
                conv2=lambda: nn.Conv2d(8, 8, 3, padding=1, groups=4),
            )
        ),
    ),
    "squeeze": (lambda g: design.squeeze_excite(g, ratio=4), lambda: Net(changed(se=Scaled))),
    "squeeze behind": (lambda g: design.squeeze_excite(g, "body.*.bn2", ratio=4), lambda: Net(changed(se=Scaled))),
}


@pytest.mark.parametrize("what", EDITS)
def test_edit(what: str) -> None:
    edit, reference = EDITS[what]
    spec = archdsl.load(Source("net.arch", CNN))
    graph = spec.graph("Net")
    before = str(graph)
    made = edit(graph)
    assert str(graph) == before
    wanted = reference().double().eval()
    ours = spec.build(made, dtype=torch.float64).eval()
    ours.load_state_dict(wanted.state_dict())
    x = torch.randn(2, 3, 12, 14, dtype=torch.float64)
    torch.testing.assert_close(ours(x), wanted(x), rtol=1e-12, atol=1e-12)
    assert archdsl.load(Source("net.arch", CNN)).graph("Net") == graph


def test_skips_come_and_go() -> None:
    spec = archdsl.load(Source("net.arch", CNN))
    plain = design.swap(spec.graph("Net"), "Unit", "Plain")
    made = spec.build(design.with_skips(plain), dtype=torch.float64)
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    one, other = (getattr(made.body, at).conv for at in "01")
    start = torch.relu(made.stem(x))
    added, gated = start + one(start), start * one(start)
    torch.testing.assert_close(made(x), made.fc((added + other(added)).mean((2, 3))))
    mul = spec.build(design.with_skips(plain, "body.0", op="mul"), weights=made.state_dict(), dtype=torch.float64)
    torch.testing.assert_close(mul(x), made.fc(other(gated).mean((2, 3))))


@pytest.mark.parametrize(
    ("edit", "name", "first"), [("pre_norm", "TorchEncoderLayer", True), ("post_norm", "TorchEncoderLayerPre", False)]
)
def test_norms_before_and_behind_are_torchs(edit: str, name: str, first: bool) -> None:
    spec = archdsl.load(SPECS / "transformer.arch")
    config = {"heads": 2, "hidden": 24, "D": 12}
    made = getattr(design, edit)(spec.graph(name, **config))
    wanted = nn.TransformerEncoderLayer(12, 2, 24, norm_first=first, batch_first=True, dtype=torch.float64).eval()
    for one in wanted.parameters():
        nn.init.normal_(one, std=0.3)
    ours = spec.build(made, weights=wanted.state_dict(), dtype=torch.float64).eval()
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    torch.testing.assert_close(ours(x), wanted(x))


def test_norms_move_there_and_back() -> None:
    spec = archdsl.load(SPECS / "transformer.arch")
    graph = spec.graph("TorchEncoderLayer")
    back = design.post_norm(design.pre_norm(graph))
    assert set(dict(back.tensors())) == set(dict(graph.tensors()))
    x = torch.randn(2, 5, 512)
    weights = spec.build("TorchEncoderLayer").state_dict()
    torch.testing.assert_close(spec.build(back, weights=weights).eval()(x), spec.build(graph, weights=weights).eval()(x))


def test_weights_are_carried_into_an_edited_graph() -> None:
    spec = archdsl.load(Source("net.arch", CNN))
    graph = spec.graph("Net")
    state = spec.build("Net").state_dict()
    made = design.migrate(graph, design.separable(graph, "body.0.conv1"), state)
    assert made.new == ("body.0.conv1.depthwise.weight", "body.0.conv1.pointwise.weight")
    assert made.dropped == ("body.0.conv1.weight",)
    assert len(made.kept) == len(state) - 1


def test_labels_that_are_taken_get_a_number() -> None:
    spec = archdsl.load(Source("net.arch", """
    arch Net(x: [N, 3, H, W]) -> y: [N, 3, H, W] {
      repeat i in 0..2 { skip { "a{i}": Conv2d(3, 1) }; skip { "se{i}.se": Conv2d(3, 1) } }
      se: Conv2d(3, 1)
      h = tanh(it) * (it -> gate: Conv2d(3, 1) -> sigmoid)
      y = tanh(h)
    }
    """))  # fmt: skip
    graph = spec.graph()
    made = [".".join(path) for path, _ in design.squeeze_excite(graph).tensors()]
    assert [key for key in made if key.endswith("reduce.weight")] == [f"se_{number}.reduce.weight" for number in (1, 2, 3, 4)]
    deep = [".".join(path) for path, _ in design.deepen(graph, "tanh").tensors()]
    assert [key for key in deep if key.endswith("conv.weight")] == ["deeper.conv.weight", "deeper_1.conv.weight"]


def test_a_layer_over_a_length_that_is_not_known_is_no_deeper_one() -> None:
    spec = archdsl.load(Source("net.arch", "arch Net(x: [N, 3, T]) { silu; fc: Conv1d(4, 1) }"))
    with pytest.raises(archdsl.ArchError, match="of a known width"):
        design.deepen(spec.graph(), "silu")


@pytest.mark.parametrize(
    "edit",
    [
        lambda g: design.swap(g, "gelu", "relu"),
        lambda g: design.swap(g, "relu", "gelu", "fc"),
        lambda g: design.separable(g, "fc"),
        lambda g: design.factorised(g, "nothing.*"),
        lambda g: design.grouped(g, 3),
        lambda g: design.grouped(g, 3, "body"),
        lambda g: design.grouped(g, 0),
        lambda g: design.pre_norm(g),
        lambda g: design.post_norm(g),
        lambda g: design.squeeze_excite(g, "fc"),
        lambda g: design.with_skips(g, "stem"),
        lambda g: design.swap(g, "relu", "geluu"),
        lambda g: design.without_skips(design.without_skips(g)),
    ],
)
def test_what_does_not_fit_is_a_problem(edit: Callable[[Graph], Graph]) -> None:
    with pytest.raises(archdsl.ArchError):
        edit(archdsl.load(Source("net.arch", CNN)).graph("Net"))


@pytest.mark.parametrize(
    ("what", "where", "told"),
    [
        ("relu", "fc", "nothing that is `relu` stands at `fc` or in it in `Net`"),
        ("relu", "bodi", "did you mean `body`?"),
        ("rely", "body", "did you mean `relu`?"),
        ("relu", "body &", "a selector is missing here"),
    ],
)
def test_a_place_without_what_is_meant_is_told(what: str, where: str, told: str) -> None:
    with pytest.raises(archdsl.ArchError) as wrong:
        design.swap(archdsl.load(Source("net.arch", CNN)).graph("Net"), what, "gelu", where)
    assert told in str(wrong.value)


def test_compound_scaling_is_the_papers() -> None:
    spec = archdsl.load(Source("net.arch", CNN))
    for phi in (0, 0.5, 1, 2, 3):
        made = design.scale(spec, "Net", phi=phi, depth="depth", width="width", resolution=224, multiple=8)
        assert made.config["depth"] == math.ceil(2 * 1.2**phi - 1e-9)
        wide = 8 * 1.1**phi
        assert made.config["width"] % 8 == 0
        assert made.config["width"] >= 0.9 * wide
        assert abs(made.config["width"] - wide) <= 8
        assert made.resolution == round(224 * 1.15**phi / 8) * 8
    effnet = archdsl.load(SPECS / "efficientnet.arch")
    made = design.scale(effnet, "EfficientNet", phi=2, depth="depth", width="width")
    assert made.config == pytest.approx({"depth": 1.44, "width": 1.21})
    lists = archdsl.load(SPECS / "preact_resnet.arch")
    assert design.scale(lists, "PreActResNet", phi=1, depth="depths").config["depths"] == [4, 5, 8, 4]


def test_scaling_to_a_budget() -> None:
    spec = archdsl.load(Source("net.arch", CNN))
    made = design.scale_to(spec, "Net", such_that="params <= 60_000", depth="depth", width="width", ratios=(1.2, 1.5, 1.1))
    assert design.scale_to.__doc__
    count = sum(one.numel() for one in spec.build("Net", **made.config).parameters())
    more = design.scale(spec, "Net", phi=made.phi + 0.5, depth="depth", width="width", ratios=(1.2, 1.5, 1.1))
    assert count <= 60_000 < sum(one.numel() for one in spec.build("Net", **more.config).parameters())
    sized = design.scale_to(spec, "Net", such_that="macs(N=1, H={size}, W={size}) <= 5e6", resolution=16, width="width")
    assert sized.resolution is not None
    assert sized.resolution > 16
    with pytest.raises(NoSolution):
        design.scale_to(spec, "Net", such_that="params <= 10", width="width")
    with pytest.raises(ValueError, match="did you mean `width`"):
        design.scale(spec, "Net", phi=1, width="widht")


def test_every_edit_says_what_it_does_in_one_line() -> None:
    for name in design.__all__:
        assert (getattr(design, name).__doc__ or "").splitlines()[0].rstrip().endswith((".", "`", ",", ":")), name


def carried(spec: archdsl.Spec, graph: Graph, larger: Graph, x: torch.Tensor) -> set[str]:
    """The new keys of a larger design, which computes what the trained one did."""
    small = spec.build(graph, dtype=torch.float64)
    for one in small.state_dict().values():
        if one.is_floating_point():
            one.uniform_(0.1, 0.6).sub_(0.0 if one.ndim == 1 else 0.3)
    made = design.grow(graph, larger, small.state_dict())
    large = spec.build(larger, weights=made.state, dtype=torch.float64)
    torch.testing.assert_close(large.eval()(x), small.eval()(x), rtol=1e-12, atol=1e-12)
    assert sum(one.numel() for one in large.parameters()) > sum(one.numel() for one in small.parameters())
    return set(made.new)


def test_wider_and_deeper_designs_take_the_weights_exactly() -> None:
    spec = archdsl.load(Source("net.arch", CNN))
    graph = spec.graph("Net")
    x = torch.randn(2, 3, 12, 14, dtype=torch.float64)
    wide = design.widen(graph, "body.*.conv1", 1.5)
    assert dict(wide.tensors())[("body", "1", "conv1", "weight")].type.shape[0] == 12
    assert carried(spec, graph, wide, x) == set()
    deep = design.deepen(graph, "relu in body")
    new = carried(spec, graph, deep, x)
    assert {"body.0.deeper_2.conv.weight", "body.1.deeper_5.norm.weight"} <= new
    assert carried(spec, graph, design.deepen(design.widen(graph, "body.*.conv1")), x)
    plain = archdsl.load(Source("mlp.arch", "arch Net(x: [N, 4]) -> y: [N, 3] { up: Linear(6); relu; head y { fc: Linear(3) } }"))
    assert carried(plain, plain.graph(), design.deepen(plain.graph()), x[:, 0, 0, :4]) == {
        "deeper_1.fc.weight", "deeper_1.fc.bias",
    }  # fmt: skip
    assert carried(plain, plain.graph(), design.widen(plain.graph(), "up", 2.5), x[:, 0, 0, :4]) == set()


def test_one_side_of_a_skip_alone_cannot_be_wider() -> None:
    graph = archdsl.load(Source("net.arch", CNN)).graph("Net")
    with pytest.raises(archdsl.ArchError, match="shape-mismatch"):
        design.widen(graph, "body.*.conv2")
    with pytest.raises(archdsl.ArchError, match="nothing-selected"):
        design.widen(graph, "relu")
