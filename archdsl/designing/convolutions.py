"""Convolutions made cheaper, and weighed channel by channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.designing.choosing import Labels, again, chosen
from archdsl.designing.skips import PutLast, adds
from archdsl.elaborate.editing.reading import read_chain
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.ir.graph import Graph


def separable(graph: Graph, where: str | None = None) -> Graph:
    """Each full 2-d convolution with a window becomes a depthwise one and a 1x1: `separable(graph, "layer*.*.conv2")`.

    Keys: `conv.depthwise.weight`, `conv.pointwise.weight`. Source: MobileNet (Howard et al., 2017), without the norm between.
    """

    def text(one: Occurrence) -> str:
        given = one.attributes
        channels = given["in_channels"]
        first = _conv(given, channels, groups=channels, bias=False)
        return f"{{ depthwise: {first}; pointwise: Conv2d({given['out_channels']}, 1{_bias(given)}) }}"

    return chosen(graph, "Conv2d", where, _full, "a convolution with a window and one group").replace(text)


def factorised(graph: Graph, where: str | None = None) -> Graph:
    """Each n x n convolution becomes a 1 x n and an n x 1: `factorised(graph, "layer4")`.

    Keys: `conv.row.weight`, `conv.column.weight`. Source: Szegedy et al. (2016), section 3.2.
    """

    def text(one: Occurrence) -> str:
        given = one.attributes
        row, column = ({name: _one_axis(name, value, axis) for name, value in given.items()} for axis in (1, 0))
        out = given["out_channels"]
        return f"{{ row: {_conv(row, out, bias=False)}; column: {_conv(column, out)} }}"

    return chosen(graph, "Conv2d", where, _square, "a square convolution with a window and one group").replace(text)


def grouped(graph: Graph, groups: int, where: str | None = None) -> Graph:
    """Each full convolution with a window gets groups: `grouped(graph, 32, "layer*.*.conv2")`.

    Without `where`, those whose channels divide by `groups`."""

    def divides(one: Occurrence) -> bool:
        sizes = one.attributes["in_channels"], one.attributes["out_channels"]
        return _full(one) and (where is not None or all(groups and size % groups == 0 for size in sizes))

    wanted = f"a convolution with a window, one group, and channels that {groups} divides"
    return chosen(graph, "Conv2d", where, divides, wanted).set(groups=groups)


def squeeze_excite(graph: Graph, where: str | None = None, ratio: int = 16, label: str = "se") -> Graph:
    """Channels are weighed by what all places say: at the end of each skip's body, or behind what `where` selects.

    Keys: `se.reduce`, `se.expand`, or below another `label`; `se_1` where `se` is taken. Source: squeeze-and-excitation (Hu et
    al., 2018)."""
    labels = Labels(graph)

    def text(one: Occurrence) -> str:
        channels = one.gives[0].shape[1]
        braces = one.path if one.kind == "skip" and where is None and one.site.own else one.braces
        narrow = f"max(1, {channels} // {ratio})"
        inner = f"mean(axis=[2, 3], keepdim=true); reduce: Conv2d({narrow}, 1); relu; expand: Conv2d({channels}, 1); sigmoid"
        return f"{labels.free(braces, label)}: {{ skip(mul) {{ {inner} }} }}"

    def image(one: Occurrence) -> bool:
        return len(one.gives) == 1 and len(one.gives[0].shape) == 4 and isinstance(one.gives[0].shape[1], int)

    if where is not None:
        return chosen(graph, where, None, image, "a step that gives images [N, C, H, W]").insert_after(text)
    by_text: dict[str, list[Occurrence]] = {}
    for one in chosen(graph, "[skip]", None, lambda one: image(one) and adds(one), "a skip of images [N, C, H, W]"):
        by_text.setdefault(text(one), []).append(one)
    made = graph
    for given, here in by_text.items():
        made = again(made, "[skip]", tuple(here)).edit(PutLast(read_chain(given, "<squeeze-excite>")))
    return made


def _full(one: Occurrence) -> bool:
    given = one.attributes
    return bool(given) and given["groups"] == 1 and max(_both(given["kernel_size"])) > 1


def _square(one: Occurrence) -> bool:
    return _full(one) and len(set(_both(one.attributes["kernel_size"]))) == 1


def _both(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value, value)


def _one_axis(name: str, value: Any, axis: int) -> Any:
    """An argument of a convolution along one axis only."""
    if name not in ("kernel_size", "stride", "padding", "dilation") or isinstance(value, str):
        return value
    rest = 0 if name == "padding" else 1
    return tuple(one if at == axis else rest for at, one in enumerate(_both(value)))


def _conv(given: Mapping[str, Any], out: Any, **changed: Any) -> str:
    """The text of a convolution with these arguments."""
    told = {**given, **changed}
    words = [f"{name}={_text(told[name])}" for name, usual in _USUAL.items() if told[name] != usual]
    return f"Conv2d({', '.join([str(out), _text(told['kernel_size']), *words])})"


_USUAL = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}


def _bias(given: Mapping[str, Any]) -> str:
    return "" if given["bias"] else ", bias=false"


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
