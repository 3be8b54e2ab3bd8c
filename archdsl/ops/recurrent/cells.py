"""One step of a recurrence: LSTMCell, GRUCell and RNNCell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_dtype, check_equal, check_least, check_rank, given
from archdsl.ops.contract import (
    INFERRED,
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    Refusal,
    TorchTape,
    Weight,
    inferred,
    option,
    required,
)
from archdsl.ops.recurrent import gates
from archdsl.ops.recurrent.layered import check_start

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

REFUSED = (
    Refusal({"hidden_size": 4}, ("[5]",), "rank-mismatch"),
    Refusal({"hidden_size": 4}, ("i64[B, 5]",), "dtype-mismatch"),
    Refusal({"hidden_size": 0}, ("[B, 5]",), "bad-argument"),
    Refusal({"hidden_size": 4, "input_size": 6}, ("[B, 5]",)),
)
EXAMPLES = (
    Example({"hidden_size": 4}, ("[B, 5]", "[B, 4]"), ("[B, 4]",)),
    Example({"hidden_size": 4, "bias": False, "input_size": 5}, ("[B, 5]", "[B, 4]"), ("[B, 4]",)),
    Example({"hidden_size": 3}, ("[B, 5]",), ("[B, 3]",), note="from a state of zeros"),
)


class Cell(Op):
    """One step; `kind` says of which recurrence, `memory` whether there is a cell state beside the hidden one."""

    family = "recurrent"
    alike = "batch"
    precise = True
    layer = True
    kind: ClassVar[gates.Kind]
    memory: ClassVar[bool] = False
    input_size: Any = inferred("width of the input")
    hidden_size: Any = required("width of the state", "size")
    bias: bool = option(True, "the gates have biases", "bool")

    def bind(self, context: Context, *inputs: TensorType | None) -> Cell:
        check_least(self.hidden_size, 1, "hidden_size")
        x = check_rank(given(inputs[0]), 2, wants="[batch, width]")
        if self.input_size is INFERRED:
            return self.changed(input_size=x.shape[1])
        check_equal(
            context, x.shape[1], self.input_size, "`input_size` is not the width", operand=0, axis=1, argument="input_size"
        )
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, starts = given(inputs[0]), [*inputs[1:], None, None][: 1 + self.memory]
        check_dtype(x, FLOATS, wants="a float tensor")
        state = TensorType((x.shape[0], self.hidden_size), x.dtype)
        if len({one is None for one in starts}) > 1:
            raise OpFault("wants both states, or none", code="absent-input", operand=1)
        for operand, one in enumerate(starts, 1):
            if one is not None:
                check_start(context, one, state, operand, "[batch, width]")
        return (state,) * (1 + self.memory)

    def parameters(self) -> Mapping[str, Weight]:
        parts = self.kind.gates
        rows = parts * self.hidden_size
        found = {
            "weight_ih": Weight((rows, self.input_size), "uniform", parts=parts),
            "weight_hh": Weight((rows, self.hidden_size), "uniform", parts=parts),
        }
        if self.bias:
            found["bias_ih"] = found["bias_hh"] = Weight((rows,), "uniform", parts=parts)
        return found

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.recurrent.tangents import cell  # loaded where a derivative is asked for

        return cell(tape, self, *inputs)

    def module(self, tape: TorchTape) -> Code:
        inner = ("input_size", "hidden_size")
        more: dict[str, Any] = {
            name: value for name, value in self.items() if name not in inner and value != self.fields[name].default
        }
        return tape.call(f"nn.{self.name}", self.input_size, self.hidden_size, **more)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        layer, x, *states = inputs
        given_ones = [one for one in states if one is not None]
        start = [Code(f"({', '.join(given_ones)})")] if len(given_ones) > 1 else given_ones
        return tape.call(str(layer), x, *start)

    def sums(self, tape: OnnxTape, inputs: tuple[str | None, ...]) -> tuple[list[str], list[str], list[str]]:
        """The parts of input and state that enter each gate, and the states."""
        type = tape.inputs[0]
        dtype = tape.float if type.dtype == "float" else type.dtype
        states = [one for one in inputs[1:] if one is not None]
        if not states:
            zeros = tape.node("Expand", [tape.scalar(0.0, dtype), tape.shape((type.shape[0], self.hidden_size))])
            states = [zeros] * (1 + self.memory)
        parts = []
        for one, leaf in ((str(inputs[0]), "ih"), (states[0], "hh")):
            bias = tape.param(f"bias_{leaf}") if self.bias else None
            whole = gates.linear(tape, one, tape.param(f"weight_{leaf}"), bias)
            count = self.kind.gates
            parts.append([whole] if count == 1 else tape.nodes("Split", [whole], count, axis=1, num_outputs=count))
        return parts[0], parts[1], states

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        entering: Size = self.input_size + self.hidden_size
        leaving: Size = self.kind.gates * self.hidden_size
        return entering * leaving * given(inputs[0]).shape[0]

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(0) if axis % 2 == 0 else Everywhere()


class LSTMCell(Cell):
    """`nn.LSTMCell` on three tensors: `(x, h, c) -> LSTMCell(H)` gives the new `h` and `c`.

    x is `[B, I]`, both states are `[B, H]`, zeros unless both are given. Hochreiter & Schmidhuber (1997), Gers et al. (2000).
    """

    name = "LSTMCell"
    tensors = ("x", "h?", "c?")
    kind = gates.LSTM
    memory = True
    examples: ClassVar[tuple[Example, ...]] = tuple(
        Example(one.args, (*one.inputs, *one.inputs[1:]), one.outputs * 2, note=one.note) for one in EXAMPLES
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        *REFUSED,
        Refusal({"hidden_size": 4}, ("[2, 5]", "[2, 4]"), "absent-input"),
        Refusal({"hidden_size": 4}, ("[2, 5]", "[2, 4]", "[2, 3]")),
    )

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        entering, kept, states = self.sums(tape, inputs)
        i, f, g, o = (tape.node("Add", list(pair)) for pair in zip(entering, kept, strict=True))
        i, f, o = (tape.node("Sigmoid", [one]) for one in (i, f, o))
        new = tape.node("Mul", [i, tape.node("Tanh", [g])])
        c = tape.node("Add", [tape.node("Mul", [f, states[1]]), new])
        return [tape.node("Mul", [o, tape.node("Tanh", [c])]), c]


class GRUCell(Cell):
    """`nn.GRUCell`: `(x, h) -> GRUCell(H)` gives the new `h`.

    x is `[B, I]`, the state `[B, H]`, zeros unless given. Cho et al. (2014), as in cuDNN: the reset gate acts after the
    recurrent product.
    """

    name = "GRUCell"
    tensors = ("x", "h?")
    kind = gates.GRU
    examples = EXAMPLES
    refusals: ClassVar[tuple[Refusal, ...]] = (
        *REFUSED,
        Refusal({"hidden_size": 4}, ("[2, 5]", "[2, 3]")),
        Refusal({"hidden_size": 4}, ("[2, 5]", "f64[2, 4]"), "dtype-mismatch"),
    )

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        entering, kept, states = self.sums(tape, inputs)
        r, z = (tape.node("Sigmoid", [tape.node("Add", list(pair))]) for pair in zip(entering[:2], kept[:2], strict=True))
        n = tape.node("Tanh", [tape.node("Add", [entering[2], tape.node("Mul", [r, kept[2]])])])
        return tape.node("Add", [n, tape.node("Mul", [z, tape.node("Sub", [states[0], n])])])


class RNNCell(Cell):
    """`nn.RNNCell`: `(x, h) -> RNNCell(H)` gives the new `h`.

    x is `[B, I]`, the state `[B, H]`, zeros unless given. Elman (1990).
    """

    name = "RNNCell"
    tensors = ("x", "h?")
    kind = gates.RNN
    nonlinearity: str = option("tanh", "what the sum goes through", "str", choices=("tanh", "relu"))
    examples: ClassVar[tuple[Example, ...]] = (
        *EXAMPLES,
        Example({"hidden_size": 4, "nonlinearity": "relu"}, ("[B, 5]", "[B, 4]"), ("[B, 4]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (*REFUSED, Refusal({"hidden_size": 4}, ("[2, 5]", "[2, 3]")))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        entering, kept, _ = self.sums(tape, inputs)
        return tape.node("Relu" if self.nonlinearity == "relu" else "Tanh", [tape.node("Add", [entering[0], kept[0]])])
