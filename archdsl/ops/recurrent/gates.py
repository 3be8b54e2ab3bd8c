"""What the recurrent layers and cells share: gate counts and orders, projections, and one direction of one layer in ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archdsl.dims.dim import Size
from archdsl.ops.contract import OnnxTape


@dataclass(frozen=True)
class Kind:
    """A recurrence: its ONNX operator, how many gates it has, and PyTorch's gates in ONNX's order."""

    onnx: str
    gates: int
    order: tuple[int, ...]


COMPUTED = "f32"
"""What ONNX Runtime has kernels for: f16, bf16 and f64 programs take these steps in f32."""

LSTM = Kind("LSTM", 4, (0, 3, 1, 2))
GRU = Kind("GRU", 3, (1, 0, 2))
RNN = Kind("RNN", 1, (0,))


def linear(tape: OnnxTape, x: str, weight: str, bias: str | None) -> str:
    """`x @ weight.T + bias`."""
    result = tape.node("MatMul", [x, tape.node("Transpose", [weight], perm=[1, 0])])
    return result if bias is None else tape.node("Add", [result, bias])


def reordered(tape: OnnxTape, kind: Kind, weight: str) -> str:
    """A stack of gates in ONNX's order."""
    if kind.gates == 1:
        return weight
    parts = tape.nodes("Split", [weight], kind.gates, axis=0, num_outputs=kind.gates)
    return tape.node("Concat", [parts[one] for one in kind.order], axis=0)


@dataclass(frozen=True)
class Direction:
    """One direction of one layer. The file keeps PyTorch's tensors; nodes on them put the gates in ONNX's order.

    A projection (`weight_hr`) has no ONNX form. With h' = P h the recurrent term is R P h, so it is an LSTM on the product R P
    whose results are then projected; a given first h' enters as R h' through inputs that are zero after the first step.
    """

    kind: Kind
    hidden: int
    suffix: str
    reverse: bool
    bias: bool
    projected: int
    activation: str
    length: Size

    def write(self, tape: OnnxTape, x: str, h0: str | None, c0: str | None, dtype: str) -> tuple[str, str, str | None]:
        """The sequence [T, B, R] and the last states [1, B, R] and [1, B, H], from `x` [T, B, I] and first states."""
        w, r = tape.param(f"weight_ih{self.suffix}"), tape.param(f"weight_hh{self.suffix}")
        biases = ""
        if self.bias:
            both = [reordered(tape, self.kind, tape.param(f"bias_{one}{self.suffix}")) for one in ("ih", "hh")]
            biases = self._leading(tape, tape.node("Concat", both, axis=0), dtype)
        project = tape.param(f"weight_hr{self.suffix}") if self.projected else None
        if project is not None:
            if h0 is not None:
                gap = [0, 0, 0, self.length - 1, 0, 0] if not self.reverse else [self.length - 1, 0, 0, 0, 0, 0]
                x = tape.node("Concat", [x, tape.node("Pad", [h0, tape.shape(gap)])], axis=2)
                w, h0 = tape.node("Concat", [w, r], axis=1), None
            r = tape.node("MatMul", [r, project])
        weights = [self._leading(tape, reordered(tape, self.kind, one), dtype) for one in (w, r)]
        start = [self._wide(tape, one, dtype) if one is not None else "" for one in (h0, c0)]
        extra: dict[str, dict[str, Any]] = {"GRU": {"linear_before_reset": 1}, "RNN": {"activations": [self.activation]}}
        inputs = [self._wide(tape, x, dtype), *weights, biases, "", *start]
        while inputs[-1] == "":
            inputs.pop()
        states = tape.nodes(
            self.kind.onnx, inputs, 3 if self.kind is LSTM else 2, hidden_size=self.hidden,
            direction="reverse" if self.reverse else "forward", **extra.get(self.kind.onnx, {}),
        )  # fmt: skip
        results = [tape.node("Squeeze", [states[0], tape.ints([1])]), *states[1:]]
        if dtype != COMPUTED:
            results = [tape.node("Cast", [one], to=dtype) for one in results]
        if project is not None:
            turned = tape.node("Transpose", [project], perm=[1, 0])
            results[:2] = [tape.node("MatMul", [one, turned]) for one in results[:2]]
        return results[0], results[1], results[2] if self.kind is LSTM else None

    def _leading(self, tape: OnnxTape, weight: str, dtype: str) -> str:
        return self._wide(tape, tape.node("Unsqueeze", [weight, tape.ints([0])]), dtype)

    def _wide(self, tape: OnnxTape, one: str, dtype: str) -> str:
        return one if dtype == COMPUTED else tape.node("Cast", [one], to=COMPUTED)
