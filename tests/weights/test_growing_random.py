"""Random networks made wider and deeper at random: what is carried computes the same, all else is refused with its place."""

from __future__ import annotations

from random import Random

import pytest
import torch

import archdsl
from archdsl import design
from archdsl.source import Source

WIDTH = 4


def steps(draw: Random, images: bool, width: int, count: int) -> list[str]:
    """Lines of a body; with the same draw and another width the same lines."""
    if images:
        layers = [f"Conv2d({width}, 3, padding=1{more})" for more in ("", ", bias=false", ", groups=2", f", groups={width}")]
        layers += [f"Conv2d({width}, 1)", f"ConvTranspose2d({width}, 3, padding=1)"]
        norms = ["BatchNorm2d", "GroupNorm(2)", "GroupNorm(1)", "InstanceNorm2d(affine=true)", "Dropout(0.1)", "PReLU"]
    else:
        layers = [f"Linear({width})", f"Linear({width}, bias=false)", f"Linear({width}, transposed=true)"]
        norms = ["LayerNorm", "RMSNorm", "BatchNorm1d", "Dropout(0.2)", "Identity"]
    lines = []
    for at in range(count):
        layer, norm = draw.choice(layers), draw.choice(norms)
        act = draw.choice(["relu", "gelu", "silu", "tanh", "leaky_relu(0.1)", "hardswish"])
        forms = [
            f"a{at}: {layer}; b{at}: {norm}; {act}",
            f"skip {{ a{at}: {layer}; b{at}: {norm}; {act}; c{at}: {layer} }}",
            f"skip(mul) {{ a{at}: {layer}; sigmoid }}",
            f"skip(concat, axis=1) {{ a{at}: {layer} }}; {act}; c{at}: {layers[0]}",
            f"{act}; softmax(axis=1)",
        ]
        lines.append(draw.choices(forms, [4, 4, 1, 1, 1])[0])
    return lines


def program(name: str, images: bool, width: int, lines: list[str]) -> str:
    layer = f"Conv2d({width}, 3, padding=1)" if images else f"Linear({width})"
    body = "".join(f"  {line}\n" for line in [f"stem: {layer}", *lines, *(["mean(axis=[2, 3])"] if images else [])])
    return f"arch {name}(x: {'[N, 3, H, W]' if images else '[N, 5]'}) -> y: [N, 4] {{\n{body}  head y {{ fc: Linear(4) }}\n}}\n"


def designs(seed: int) -> tuple[str, bool]:
    """A network `A`, and `B` that is wider, deeper, or both."""
    draw = Random(seed)
    images, count, width = draw.random() < 0.6, draw.randint(1, 4), draw.choice([4, 6, 8, 8, 12])
    again = Random(draw.random())
    state = again.getstate()
    small = steps(again, images, WIDTH, count)
    again.setstate(state)
    large = steps(again, images, width, count)
    layer = f"Conv2d({width}, 3, padding=1)" if images else f"Linear({width})"
    norm = "BatchNorm2d" if images else "BatchNorm1d"
    put_in = [
        f"skip {{ d: {layer}; relu; e: {layer} }}",
        f"d: {layer}",
        f"d: {layer}; relu",
        f"e: {norm}",
        f"skip {{ d: {layer}; e: {norm} }}",
    ]
    if width == WIDTH or draw.random() < 0.5:
        large.insert(draw.randint(0, count), draw.choice(put_in))
    return program("A", images, WIDTH, small) + program("B", images, width, large), images


@pytest.mark.parametrize("seed", range(40))
def test_carried_exactly_or_refused(seed: int) -> None:
    text, images = designs(seed)
    spec = archdsl.load(Source("net.arch", text))
    small = spec.build("A", dtype="f64").eval()
    draw = torch.Generator().manual_seed(seed)
    for name, one in small.state_dict().items():
        if one.is_floating_point():
            one.copy_(torch.randn(one.shape, generator=draw, dtype=one.dtype) * 0.5)
            if name.endswith("running_var"):
                one.abs_().add_(0.2)
    before, after, state = spec.graph("A"), spec.graph("B"), small.state_dict()
    spec.build("B", dtype="f64", weights=design.migrate(before, after, state).state)
    try:
        made = design.grow(before, after, state)
    except archdsl.ArchError as fault:
        (problem,) = fault.problems
        assert problem.code == "cannot-keep-function"
        assert problem.at.source.name == "net.arch"
        return
    large = spec.build("B", dtype="f64", weights=made.state).eval()
    x = torch.randn((2, 3, 7, 6) if images else (3, 5), generator=draw, dtype=torch.float64)
    wanted = small(x)
    assert (large(x) - wanted).abs().max() <= 1e-9 * wanted.abs().max(), text


def test_refusing_is_not_all_it_does() -> None:
    carried = 0
    for seed in range(40):
        spec = archdsl.load(Source("net.arch", designs(seed)[0]))
        try:
            design.grow(spec.graph("A"), spec.graph("B"), spec.build("A").state_dict())
            carried += 1
        except archdsl.ArchError:
            pass
    assert carried >= 15
