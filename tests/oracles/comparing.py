"""Two modules of one state dict: are they the same function, with the same gradients and the same training?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archdsl.targets.agreement import compare

EXACT = 1e-9
"""How far results in float64 may be apart, in units of the largest element (at least 1)."""

Inputs = dict[str, Tensor]
Call = Callable[[nn.Module, Inputs], tuple[Tensor, ...]]


def call_ours(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    """The results of a generated module, in header order, without training heads in evaluation."""
    made = module(**inputs)
    return tuple(one for one in made if one is not None) if isinstance(made, tuple) else (made,)


def call_plain(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    """The results of a module that takes its inputs by position."""
    made = module(*inputs.values())
    return tuple(made) if isinstance(made, tuple) else (made,)


class InDouble(TorchFunctionMode):
    """Inside, what a reference casts to float32 stays in float64: transformers computes its norms and softmaxes in float32, which
    would hide what a comparison in float64 is to show."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.float:
            func = Tensor.double
        wide = [torch.float64 if one is torch.float32 else one for one in args]
        named = {name: torch.float64 if one is torch.float32 else one for name, one in (kwargs or {}).items()}
        return func(*wide, **named)


@dataclass(frozen=True)
class Pair:
    """Our module and the reference's; `call` gives the reference's results in the order of our outputs."""

    ours: nn.Module
    theirs: nn.Module
    call: Call = call_plain
    frozen: frozenset[str] = field(default_factory=frozenset)
    """Parameters that the reference does not train."""


def same_keys(ours: nn.Module, keys: Mapping[str, tuple[int, ...]]) -> None:
    """The state dict has exactly these keys with these shapes; both sides' differences are shown."""
    found = {name: tuple(tensor.shape) for name, tensor in ours.state_dict().items()}
    missing = {name: shape for name, shape in keys.items() if found.get(name) != shape}
    extra = {name: shape for name, shape in found.items() if keys.get(name) != shape}
    assert (missing, extra) == ({}, {})


def exchange(pair: Pair) -> None:
    """Weights go both ways, strictly, and arrive."""
    weights = {name: tensor.clone() for name, tensor in pair.theirs.state_dict().items()}
    same_keys(pair.ours, {name: tuple(tensor.shape) for name, tensor in weights.items()})
    pair.ours.load_state_dict(weights, strict=True)
    back = pair.ours.state_dict()
    pair.theirs.load_state_dict(back, strict=True)
    for name, tensor in weights.items():
        assert torch.equal(back[name], tensor), name


def in_evaluation(module: nn.Module, call: Call, inputs: Inputs) -> tuple[Tensor, ...]:
    """The results without gradients."""
    with torch.no_grad():
        return call(module.eval(), inputs)


def agree_in_float64(pair: Pair, inputs: Inputs) -> None:
    """Evaluation, training, running statistics and every gradient agree to 1e-9 in float64."""
    exchange(pair)
    ours, theirs = pair.ours.double(), pair.theirs.double()
    wide = widened(inputs)
    with InDouble():
        wanted = in_evaluation(theirs, pair.call, wide)
    for index, (result, one) in enumerate(zip(in_evaluation(ours, call_ours, wide), wanted, strict=True)):
        near(result, one, f"evaluation, output {index}")
    ours.train()
    theirs.train()
    with InDouble():
        expected = pair.call(theirs, wide)
    results = call_ours(ours, wide)
    for index, (result, one) in enumerate(zip(results, expected, strict=True)):
        near(result, one, f"training, output {index}")
    weighted(results).backward()
    with InDouble():
        weighted(expected).backward()
    grads = {name: one.grad for name, one in theirs.named_parameters() if name not in pair.frozen}
    mine = {name: one.grad for name, one in ours.named_parameters() if name not in pair.frozen}
    assert mine.keys() == grads.keys()
    for name, grad in grads.items():
        assert (mine[name] is None) == (grad is None), name
        if grad is not None:
            near(mine[name], grad, f"gradient of {name}")
    after = ours.state_dict()
    for name, tensor in theirs.state_dict().items():
        near(after[name], tensor, f"{name} after a step of training")


def agree_in_float32(pair: Pair, inputs: Inputs) -> None:
    """Evaluation agrees under criterion C: the reference in float64 is the measure."""
    exchange(pair)
    mine = in_evaluation(pair.ours, call_ours, inputs)
    theirs = in_evaluation(pair.theirs, pair.call, inputs)
    with InDouble():
        exact = in_evaluation(pair.theirs.double(), pair.call, widened(inputs))
    for index, (result, one, measure) in enumerate(zip(mine, theirs, exact, strict=True)):
        verdict = compare(result.numpy(), one.numpy(), measure.numpy())
        assert verdict, f"output {index} {verdict}"


def widened(inputs: Inputs) -> Inputs:
    """Floating-point inputs in float64."""
    return {name: one.double() if one.dtype.is_floating_point else one for name, one in inputs.items()}


def near(result: Any, wanted: Any, what: str, tolerance: float = EXACT) -> None:
    """Equal shapes, and elements apart by at most `tolerance` of the largest."""
    got, want = _array(result), _array(wanted)
    assert got.shape == want.shape, f"{what}: {got.shape} where {want.shape} was expected"
    assert np.isfinite(want).all(), f"{what}: the reference is not finite"
    apart = np.abs(got - want).max(initial=0.0)
    assert apart <= tolerance * max(1.0, np.abs(want).max(initial=0.0)), f"{what}: apart by {apart:.3g}"


def _array(value: Any) -> np.ndarray:
    return (value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)).astype(np.float64)


def weighted(results: tuple[Tensor, ...]) -> Tensor:
    """A weighted sum of all elements: plain sums would hide what a softmax or a norm makes constant."""
    total = torch.zeros((), dtype=torch.float64)
    for result in results:
        weights = torch.cos(torch.arange(result.numel(), dtype=torch.float64) * 1.7).reshape(result.shape)
        total = total + (result * weights).sum() / result.numel() ** 0.5
    return total
