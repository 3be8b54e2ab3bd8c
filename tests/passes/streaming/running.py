"""A model run as a whole and step by step, on the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from archdsl.compiler import Spec, load
from archdsl.ir.verify import check
from archdsl.passes.streaming.choose import one_step
from archdsl.source import Source


def spec(text: str) -> Spec:
    return load(Source("case.arch", text))


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """The module with random parameters and running statistics, evaluating."""
    torch.manual_seed(1)
    with torch.no_grad():
        for one in module.parameters():
            one.copy_(torch.randn_like(one) * 0.4)
        for name, one in module.named_buffers():
            if one.is_floating_point():
                one.copy_(torch.rand_like(one) + 0.5 if "var" in name else torch.randn_like(one))
    return module.eval()


def agree(
    model: Spec, inputs: tuple[torch.Tensor, ...], timed: tuple[int | None, ...], axes: tuple[int | None, ...], **config: Any
) -> None:
    """Every step gives what the whole pass gives at its position.

    `timed` says for each input which axis is stepped along, `axes` for each output where the positions stand; None: the output is
    that of the sequence so far.
    """
    over, name = config.pop("over", None), config.pop("name", None)
    graph = model.graph(name, **config)
    stepped = check(one_step(graph, over=over))
    assert check(one_step(graph, over=over, first=True)).output_types == stepped.output_types
    whole = randomised(model.build(name, dtype=torch.float64, **config))
    step = model.step(name, dtype=torch.float64, over=over, **config).eval()
    assert list(step.state_dict()) == list(whole.state_dict())
    step.load_state_dict(whole.state_dict())
    length = next(one.shape[axis] for one, axis in zip(inputs, timed, strict=True) if axis is not None)
    with torch.no_grad():
        full = outputs(whole(*inputs))
        assert len(full) == len(axes)
        state: tuple[torch.Tensor, ...] = ()
        for t in range(length):
            now = [one if axis is None else one.select(axis, t) for one, axis in zip(inputs, timed, strict=True)]
            made = outputs(step(*now, *state))
            state = made[len(full) :]
            for index, (got, wanted, axis) in enumerate(zip(made, full, axes, strict=False)):
                if axis is None:
                    sofar = [one if at is None else one.narrow(at, 0, t + 1) for one, at in zip(inputs, timed, strict=True)]
                    wanted = outputs(whole(*sofar))[index]
                else:
                    wanted = wanted.select(axis, t)
                torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)


def outputs(made: Any) -> tuple[torch.Tensor, ...]:
    return tuple(made) if isinstance(made, tuple) else (made,)


def onnx_agrees(
    model: Spec, inputs: tuple[torch.Tensor, ...], timed: tuple[int | None, ...], axes: tuple[int | None, ...]
) -> None:
    """The first step and the steps after it in ONNX Runtime, against the whole pass in float64."""
    graph = model.graph()
    whole = randomised(model.build())
    first, rest = (
        ort.InferenceSession(model.onnx(weights=whole, step=step), providers=["CPUExecutionProvider"]) for step in ("first", True)
    )
    length = next(one.shape[axis] for one, axis in zip(inputs, timed, strict=True) if axis is not None)
    reference = outputs(whole.double()(*(one.double() if one.is_floating_point() else one for one in inputs)))
    state: list[np.ndarray[Any, Any]] = []
    for t in range(length):
        session = rest if t else first
        now = [one if axis is None else one.select(axis, t) for one, axis in zip(inputs, timed, strict=True)]
        names = [one.name for one in one_step(graph, first=not t).inputs]
        given = dict(zip(names, [*(one.numpy() for one in now), *state], strict=True))
        made = session.run(None, {one.name: given[one.name] for one in session.get_inputs()})  # what is not needed is left out
        state = made[len(graph.outputs) :]
        for got, wanted, axis in zip(made, reference, axes, strict=False):
            if axis is not None:
                np.testing.assert_allclose(got, wanted.select(axis, t).detach().numpy(), rtol=2e-4, atol=2e-5)
