"""What `compile` and `draw` can make of an architecture: the word for it, its file, and the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from archdsl.compiler import Spec
    from archdsl.targets.onnx.external import Content


@dataclass(frozen=True)
class Order:
    """What is to be made: of which architecture, with which configuration and options."""

    spec: Spec
    name: str
    config: Mapping[str, Any]
    weights: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further keywords of the targets, those that were given: `given`, `dtype`, `scan`, `over`, `passes`, `bind`, `depth`,
    `expand`."""


FORM = ("given", "dtype", "scan", "step", "over", "passes")
"""The keywords that say which form of the model is meant."""


def _torch(order: Order) -> bytes:
    return order.spec.source(order.name, **_only(order, *FORM), **order.config).encode()


def _onnx(order: Order, file: str = "model.onnx") -> Mapping[Path, Content]:
    try:
        return order.spec.onnx_files(file, order.name, weights=order.weights, **_only(order, *FORM), **order.config)
    except ValueError as fault:
        if order.weights is None:
            raise
        raise click.UsageError(str(fault)) from None  # the file is no safetensors, or does not fit


def _arch(order: Order) -> bytes:
    from archdsl.targets.arch.fault import Unsayable
    from archdsl.targets.arch.source import print_elaborated

    made = order.spec.elaborate(order.name, **_only(order, "given", "dtype", "passes"), **order.config)
    try:
        return print_elaborated(made, order.spec.module.items.get(order.name)).encode()
    except Unsayable as fault:
        raise click.UsageError(f"`{order.name}` has no text: {fault}") from None


def _summary(order: Order) -> bytes:
    return (str(order.spec.summary(order.name, **_only(order, "bind", "passes"), **order.config)).rstrip("\n") + "\n").encode()


def _picture(form: str) -> Callable[[Order], bytes]:
    def draw(order: Order) -> bytes:
        from archdsl.targets.diagram.draw import draw as picture
        from archdsl.targets.diagram.graphviz import CannotDraw

        spec: Any = order.spec
        try:
            if order.options.get("depth") is None and not order.options.get("expand"):
                drawn = spec.draw(order.name, format=form, **_only(order, "passes"), **order.config)
            else:
                graph = spec.graph(order.name, **_only(order, "passes"), **order.config)
                drawn = picture(graph, form, **_only(order, "depth", "expand"))
        except CannotDraw as fault:
            raise click.UsageError(str(fault)) from None
        return drawn if isinstance(drawn, bytes) else drawn.encode()

    return draw


def _of_step(order: Order, step: bool | str) -> Order:
    return replace(order, options={**order.options, "step": step})


def _only(order: Order, *names: str) -> dict[str, Any]:
    return {name: order.options[name] for name in names if name in order.options}


PICTURES: Mapping[str, str] = {"svg": ".svg", "png": ".png", "pdf": ".pdf", "dot": ".dot", "mermaid": ".mmd"}
"""Forms of a diagram and the suffix of each."""

DRAWN: Mapping[str, tuple[str, Callable[[Order], bytes]]] = {
    form: (f"diagram{suffix}", _picture(form)) for form, suffix in PICTURES.items()
}
"""Form of a diagram → file and what makes it."""

Made = bytes | Mapping[Path, "Content"]
"""A file's content, or that of several, whose last is the one that is asked for."""

PRODUCTS: Mapping[str, tuple[str, Callable[[Order], Made]]] = {
    "torch": ("model.py", _torch),
    "onnx": ("model.onnx", _onnx),
    "summary": ("summary.txt", _summary),
    "arch": ("model.arch", _arch),
    **DRAWN,
}
"""Word of `--to` → file and what makes it."""

STEP: Mapping[str, Mapping[str, Callable[[Order], Made]]] = {
    "torch": {"step.py": lambda order: _torch(_of_step(order, True))},
    "onnx": {
        "first_step.onnx": lambda order: _onnx(_of_step(order, "first"), "first_step.onnx"),
        "step.onnx": lambda order: _onnx(_of_step(order, True), "step.onnx"),
    },
}
"""Word of `--to` → files of one step and what makes them."""

USUAL = ("torch", "onnx", "svg", "summary")
"""What `compile` makes unless `--to` says otherwise."""
