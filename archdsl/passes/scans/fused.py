"""The operators that stand for a fused cell over a sequence: no words of the language, the pass alone makes them."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import Code, Context, OnnxTape, Op, TorchTape, option
from archdsl.ops.recurrent import gates
from archdsl.ops.recurrent.gates import COMPUTED, Kind, reordered


class CellScan(Op):
    """A recurrent cell over a sequence, with weights in PyTorch's layout: the states of all steps, then the last ones.

    x is [B, T, D] or, with `axis` 0, [T, B, D]; the states are [B, H]; the weights [G*H, D] and [G*H, H] for G gates in PyTorch's
    order, then both biases [G*H], or none.
    """

    family = "recurrent"
    kind: ClassVar[Kind]
    states: ClassVar[int] = 1
    axis: int = option(1, "the axis of the steps", "int")
    reverse: bool = option(False, "from the last step to the first", "bool")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, *states = (given(one) for one in inputs[: 1 + self.states])
        return (TensorType((*x.shape[:2], states[0].shape[1]), states[0].dtype), *states)

    def extra(self) -> dict[str, object]:
        """What the helper is given beside."""
        return {}

    def attributes(self) -> dict[str, Any]:
        """What ONNX's operator is given beside."""
        return {}

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        more = self.extra()
        more |= {} if self.axis else {"batch_first": False}
        more |= {"reverse": True} if self.reverse else {}
        start = 1 + self.states
        weights = Code(f"({', '.join(str(one) for one in inputs[start:])})")
        return tape.call(tape.helper(self.name), *inputs[:start], weights, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        """One node with the weights in ONNX's order; what ONNX Runtime has no kernel for is computed in f32."""
        x, *rest = (str(one) for one in inputs)
        start, weights = rest[: self.states], rest[self.states :]
        x = tape.node("Transpose", [x], perm=[1, 0, 2]) if self.axis else x
        ordered = [reordered(tape, self.kind, one) for one in weights]
        bias = [tape.node("Concat", ordered[2:], axis=0)] if len(ordered) > 2 else []
        front = tape.ints([0])
        tensors = [tape.node("Unsqueeze", [one, front]) for one in (*ordered[:2], *bias, *start)]
        if tape.float != COMPUTED:
            x, *tensors = (tape.node("Cast", [one], to=COMPUTED) for one in (x, *tensors))
        between = ["", ""] if not bias else [""]
        heads = len(tensors) - self.states
        results = tape.nodes(
            self.kind.onnx, [x, *tensors[:heads], *between, *tensors[heads:]], 1 + self.states,
            hidden_size=tape.outputs[1].shape[-1], direction="reverse" if self.reverse else "forward", **self.attributes(),
        )  # fmt: skip
        results = [tape.node("Squeeze", [one, tape.ints([axis])]) for one, axis in zip(results, (1, 0, 0), strict=False)]
        if self.axis:
            results[0] = tape.node("Transpose", [results[0]], perm=[1, 0, 2])
        return results if tape.float == COMPUTED else [tape.node("Cast", [one], to="float") for one in results]


class LSTMScan(CellScan):
    """An LSTM: the gates are input, forget, cell, output."""

    name = "lstm_scan"
    tensors = ("x", "h", "c", "*weights")
    kind = gates.LSTM
    states = 2


class GRUScan(CellScan):
    """PyTorch's GRU, which resets behind the product with the state: the gates are reset, update, new."""

    name = "gru_scan"
    tensors = ("x", "h", "*weights")
    kind = gates.GRU

    def attributes(self) -> dict[str, Any]:
        return {"linear_before_reset": 1}


class RNNScan(CellScan):
    """Elman's network."""

    name = "rnn_scan"
    tensors = ("x", "h", "*weights")
    kind = gates.RNN
    curve: str = option("tanh", "what the sum goes through", "str", choices=("tanh", "relu"))

    def extra(self) -> dict[str, object]:
        return {} if self.curve == "tanh" else {"curve": self.curve}

    def attributes(self) -> dict[str, Any]:
        return {"activations": [self.curve.capitalize()]}
