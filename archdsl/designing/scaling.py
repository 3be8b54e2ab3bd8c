"""Compound scaling: depth, width and resolution together, by one number (EfficientNet: Tan and Le, 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archdsl.designing import solving
from archdsl.designing.search import Numbers, nearest
from archdsl.problems.suggest import did_you_mean

if TYPE_CHECKING:
    from archdsl.compiler import Spec

RATIOS = (1.2, 1.1, 1.15)
"""EfficientNet's factors of depth, width and resolution for phi = 1, with about twice the MACs."""
STEPS = 64
"""In how many parts phi is searched, from one whole number to the next."""
MOST = 16
"""The largest phi that is searched."""


@dataclass(frozen=True)
class Scaled:
    """A scaled configuration, for `Spec.graph(name, **config)`, and the size of images that goes with it, if one was given."""

    phi: float
    config: Mapping[str, Any]
    resolution: int | None = None

    def __str__(self) -> str:
        told = ", ".join(f"{name} = {value}" for name, value in self.config.items())
        return f"phi = {self.phi:g}: {told}" + (f", resolution = {self.resolution}" if self.resolution else "")


def scale(
    spec: Spec, name: str | None = None, /, *, phi: float, depth: str | Iterable[str] = (), width: str | Iterable[str] = (),
    resolution: int | None = None, ratios: tuple[float, float, float] = RATIOS, multiple: int = 8, **config: Any,
) -> Scaled:  # fmt: skip
    """The configuration with depths times `ratios[0] ** phi`, widths times `ratios[1] ** phi`, images by `ratios[2] ** phi`.

    `depth` and `width` name configuration parameters: whole numbers and lists of them, depths rounded up, widths to a multiple
    (never by more than a tenth down, as EfficientNet does), or fractions, which are factors themselves and not rounded. Raises
    `ArchError`, and `ValueError` for a name that is no such parameter.
    """
    known = dict(spec.graph(name, **config).config)
    names = tuple(spec.graph(name, **config).parameters)
    made = dict(config)
    for chosen, ratio, rounded in ((depth, ratios[0], _deep), (width, ratios[1], lambda value: _wide(value, multiple))):
        for one in (chosen,) if isinstance(chosen, str) else chosen:
            if one not in names:
                near = did_you_mean(one, names) or "it has " + (", ".join(names) or "none")
                raise ValueError(f"there is no configuration `{one}` to scale; {near}")
            made[one] = _scaled(one, known[one], ratio**phi, rounded)
    size = None if resolution is None else round(resolution * ratios[2] ** phi / multiple) * multiple
    return Scaled(phi, made, size)


def scale_to(
    spec: Spec, name: str | None = None, /, *, such_that: str, resolution: int | None = None, **options: Any,
) -> Scaled:  # fmt: skip
    """The scaled configuration that meets a condition best, over phi: `scale_to(spec, such_that="params <= 10e6", width="w")`.

    The condition is one of `Spec.solve`, with `{size}` for the resolution: `"macs(N=1, H={size}, W={size}) <= 1e9"`. The options
    are those of `scale`. Raises what `Spec.solve` and `scale` raise; `NoSolution` where no phi from 0 to 16 meets it.
    """

    def at(index: int) -> Scaled:
        return scale(spec, name, phi=index / STEPS, resolution=resolution, **options)

    def condition(size: int | None) -> solving.Condition:
        return solving.read_condition(such_that.replace("{size}", str(size)))

    first = condition(at(0).resolution)
    wanted = solving.wanted_number(first, such_that, None)

    def count(index: int) -> int | None:
        scaled = at(index)
        return solving.count_with(spec, name, scaled.config, condition(scaled.resolution))

    index = nearest(Numbers(count, MOST * STEPS + 1), wanted, first.operator, 0)
    if index is None:
        raise solving.NoSolution(f"for no phi from 0 to {MOST} `{such_that}` holds")
    return at(index)


def _scaled(name: str, value: Any, factor: float, rounded: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_scaled(name, one, factor, rounded) for one in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"`{name}` is {value!r}, which is no number to scale")
    return value * factor if isinstance(value, float) else rounded(value * factor)


def _deep(value: float) -> int:
    return math.ceil(round(value, 9))


def _wide(value: float, multiple: int) -> int:
    found = max(multiple, int(value + multiple / 2) // multiple * multiple)
    return found + multiple if found < 0.9 * value else found
