"""The equations of the recurrent layers and cells, whose tangents are theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.ops.attention.tangents import kept

Step = Callable[..., tuple[Any, ...]]
"""From what enters of the input, the hidden state, the states and the projection to the new states."""


def lstm(entering: Any, kept: Any, *states: Any) -> tuple[Any, ...]:
    """Hochreiter & Schmidhuber (1997), Gers et al. (2000): the new h and c."""
    i, f, g, o = (entering + kept).chunk(chunks=4, axis=-1)
    c = f.sigmoid() * states[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru(entering: Any, kept: Any, *states: Any) -> tuple[Any, ...]:
    """Cho et al. (2014), as in cuDNN."""
    parts = zip(entering.chunk(chunks=3, axis=-1), kept.chunk(chunks=3, axis=-1), strict=True)
    (r, kept_r), (z, kept_z), (n, kept_n) = parts
    n = (n + (r + kept_r).sigmoid() * kept_n).tanh()
    return (n + (z + kept_z).sigmoid() * (states[0] - n),)


def elman(entering: Any, kept: Any, *states: Any) -> tuple[Any, ...]:
    """Elman (1990)."""
    return ((entering + kept).tanh(),)


def rectified(entering: Any, kept: Any, *states: Any) -> tuple[Any, ...]:
    """Elman's with relu."""
    return ((entering + kept).relu(),)


def step_of(op: Any) -> Step:
    """The equations of a layer or cell."""
    if op.kind.onnx == "LSTM":
        return lstm
    if op.kind.onnx == "GRU":
        return gru
    return rectified if op.nonlinearity == "relu" else elman


def cell(tape: Any, op: Any, x: Any, *starts: Any) -> Any:
    """The new states of a cell, with their tangents."""
    states = [one for one in starts if one is not None]
    if not states:
        states = [tape.op("zeros", sizes=(x.type.shape[0], op.hidden_size), dtype=x.type.dtype)] * (1 + op.memory)
    biases = [tape.param(f"bias_{one}") if op.bias else None for one in ("ih", "hh")]
    entering, kept = (
        one.linear(tape.param(f"weight_{leaf}"), bias)
        for one, leaf, bias in zip((x, states[0]), ("ih", "hh"), biases, strict=True)
    )
    return tuple(one.d for one in step_of(op)(entering, kept, *states))


def layered(tape: Any, op: Any, x: Any, *starts: Any) -> Any:
    """The sequence and the last states of stacked layers, with their tangents: a scan for each layer and direction."""
    batch = x.type.shape[0]
    widths = (op.width, op.hidden_size)[: 1 + op.memory]
    count = op.num_layers * op.directions
    firsts = [
        [tape.op("zeros", sizes=(batch, width), dtype=x.type.dtype)] * count if one is None else list_of(one)
        for one, width in zip((*starts, None)[: 1 + op.memory], widths, strict=True)
    ]
    last: list[list[Any]] = [[] for _ in widths]
    layers = op.suffixes()
    for layer in layers:
        sequences = []
        for side, suffix in enumerate(layer):
            at = len(last[0])
            made = direction(tape, op, x, [one[at] for one in firsts], suffix, side == 1)
            sequences.append(made[0])
            for found, one in zip(last, made[1:], strict=True):
                found.append(one)
        x = sequences[0] if len(sequences) == 1 else tape.op("concat", *sequences, axis=-1)
        if op.dropout and layer is not layers[-1]:
            x = x * kept(x.plain, op.dropout)
    results = [x, *(tape.op("stack", *one, axis=0) for one in last)] if op.states else [x]
    if op.dropout and len(layers) > 1:
        tape.instead(*(one.plain for one in results))
    return tuple(one.d for one in results) if op.states else x.d


def direction(tape: Any, op: Any, x: Any, states: list[Any], suffix: str, reverse: bool) -> tuple[Any, ...]:
    """One direction of one layer: the sequence, and the last states."""
    step, projected = step_of(op), op.projection != 0
    biases = [tape.param(f"bias_{one}{suffix}") if op.bias else None for one in ("ih", "hh")]
    entering = x.linear(tape.param(f"weight_ih{suffix}"), biases[0])
    captured = [tape.param(f"weight_hh{suffix}")]
    captured += [tape.param(f"weight_hr{suffix}")] if projected else []
    captured += [biases[1]] if op.bias else []

    def body(entering: Any, *rest: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        before, (weight, *more) = rest[: len(states)], rest[len(states) :]
        project = more.pop(0) if projected else None
        h, *others = step(entering, before[0].linear(weight, *more), *before)
        h = h if project is None else h.linear(project)
        return (h, *others), (h,)

    made: tuple[Any, ...] = tape.scan(body, [entering], states, captured, axis=1, reverse=reverse)
    return made


def list_of(one: Any) -> list[Any]:
    """The first states of each layer and direction."""
    made = one.unbind(axis=0)
    return list(made) if isinstance(made, tuple) else [made]
