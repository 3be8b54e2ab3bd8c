"""Formulas of the normalisations, whose tangents are theirs."""

from __future__ import annotations

from typing import Any

MOST = 2.0**-23
"""The machine epsilon of float32, in which narrower types are computed."""


def normalised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """`x` less its mean over axes, by its deviation there."""
    centred = x - x.mean(axis=axes, keepdim=True)
    return centred * ((centred * centred).mean(axis=axes, keepdim=True) + eps).rsqrt()


def by_root_mean_square(x: Any, axes: tuple[int, ...], eps: float | None) -> Any:
    """`x` by the root of its mean square over axes."""
    return x * ((x * x).mean(axis=axes, keepdim=True) + (machine_epsilon(x) if eps is None else eps)).rsqrt()


def machine_epsilon(x: Any) -> Any:
    """The distance from 1 to the next number of the type of `x`, whichever that is when it runs: what 4/3 is rounded by, three
    times (Kahan); at most that of float32."""
    third = x.op("full", size=(), fill_value=4 / 3, dtype=x.type.dtype) - 1
    return (third * 3 - 1).abs().clamp(max=MOST)


def scaled(x: Any, scale: Any, shift: Any, sizes: tuple[Any, ...] | None = None) -> Any:
    """`x` scaled and shifted, by tensors that stand in its last axes, or that are brought into the shape `sizes`."""
    if scale is not None:
        x = x * (scale if sizes is None else scale.reshape(sizes=sizes))
    return x if shift is None else x + (shift if sizes is None else shift.reshape(sizes=sizes))


def channels(x: Any) -> tuple[Any, ...]:
    """The shape in which one value for each channel stands beside `x`."""
    return (x.type.shape[1], *(1 for _ in range(x.type.rank - 2)))


def by_statistics(x: Any, mean: Any, variance: Any, eps: float) -> Any:
    """`x` less a mean of each channel, by a deviation of each."""
    sizes = channels(x)
    return (x - mean.reshape(sizes=sizes)) * (variance.reshape(sizes=sizes) + eps).rsqrt()


def leaves(tape: Any, *names: str) -> list[Any]:
    """The tensors of these names that the layer owns, None for those it does not."""
    owned = tape.made.parameters()
    return [tape.param(name) if name in owned else None for name in names]


def of_channels(tape: Any, x: Any, axes: tuple[int, ...], eps: float, tracked: bool) -> Any:
    """The tangent of a layer that normalises over axes and scales each channel; `tracked`: it keeps running statistics."""
    (scale,) = leaves(tape, "weight")
    if tracked:
        return running(tape, x, axes, eps, scale)
    return scaled(normalised(x, axes, eps), scale, None, channels(x)).d


def running(tape: Any, x: Any, axes: tuple[int, ...], eps: float, scale: Any) -> Any:
    """The tangent of a layer that uses the statistics over axes in training, and running ones in evaluation."""
    sizes = channels(x)

    def on(x: Any, d: Any, variance: Any, scale: Any = None) -> Any:
        return scaled(normalised(x.along(d), axes, eps), scale, None, sizes).d

    def off(x: Any, d: Any, variance: Any, scale: Any = None) -> Any:
        return scaled(d * (variance.reshape(sizes=sizes) + eps).rsqrt(), scale, None, sizes)

    return tape.training(on, off, x.plain, x.d, tape.param("running_var"), *([] if scale is None else [scale]))
