"""What tests of the elaborator ask of a program: its keys, its types, its problems, its module."""

from __future__ import annotations

from typing import Any

import torch

from archdsl.compiler import Spec, load
from archdsl.ir.graph import Graph
from archdsl.problems.problem import Problem
from archdsl.source import Source


def spec(text: str, header: str = "(x: [N, 8])") -> Spec:
    """A program; where it has no arch, the text is the body of one with that header."""
    whole = text if "arch " in text else f"arch Net{header} {{\n{text}\n}}\n"
    return load(Source("net.arch", whole))


def graph(text: str, header: str = "(x: [N, 8])", **config: Any) -> Graph:
    """The graph of the only arch."""
    return spec(text, header).graph(**config)


def keys(text: str, header: str = "(x: [N, 8])", **config: Any) -> list[str]:
    """The keys of its tensors, in order, without aliases."""
    return [".".join(path) for path, _ in graph(text, header, **config).tensors()]


def labels(text: str, header: str = "(x: [N, 8])", **config: Any) -> list[str]:
    """The labels of the layers that own a `weight`."""
    return [key.removesuffix(".weight") for key in keys(text, header, **config) if key.endswith(".weight")]


def types(text: str, header: str = "(x: [N, 8])", **config: Any) -> list[str]:
    """The types of its outputs."""
    return [str(one.value.type) for one in graph(text, header, **config).outputs]


def problems(text: str, header: str = "(x: [N, 8])") -> list[Problem]:
    """All that `check` finds."""
    return list(spec(text, header).check())


def only(text: str, header: str = "(x: [N, 8])") -> tuple[str, str]:
    """The code of its one problem, and the text that it underlines."""
    found = problems(text, header)
    assert len(found) == 1, [(one.code, one.at.text, one.message()) for one in found]
    found[0].message()
    return found[0].code, found[0].at.text


def module(
    text: str, header: str = "(x: [N, 8])", name: str | None = None, given: tuple[str, ...] = (), **config: Any
) -> torch.nn.Module:
    """The built module in float64, for evaluation, with every tensor random."""
    made = spec(text, header).build(name, given=given, **config).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for one in made.parameters():
            one.copy_(torch.randn(one.shape, generator=generator, dtype=one.dtype))
    return made


def numbers(*shape: int) -> torch.Tensor:
    """Random float64 numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def same(made: Any, wanted: torch.Tensor) -> None:
    """Two results are equal up to rounding, shapes included."""
    torch.testing.assert_close(made, wanted, rtol=1e-10, atol=1e-12)
