"""What LSTM, GRU and RNN share: stacked, possibly in both directions, over a batch of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_dtype, check_equal, check_least, check_probability, check_rank, given
from archdsl.ops.contract import (
    INFERRED,
    Along,
    Code,
    Context,
    Everywhere,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    TorchTape,
    Weight,
    inferred,
    option,
    required,
)
from archdsl.ops.recurrent.gates import Direction, Kind

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class Layered(Op):
    """Stacked recurrent layers; `kind` says which recurrence, `memory` whether there is a cell state beside the hidden one."""

    family = "recurrent"
    alike = "batch"
    precise = True
    layer = True
    random = True
    kind: ClassVar[Kind]
    memory: ClassVar[bool] = False
    input_size: Any = inferred("width of the input")
    hidden_size: Any = required("width of the state", "size")
    num_layers: int = option(1, "how many layers are stacked", "int")
    bias: bool = option(True, "the gates have biases", "bool")
    dropout: float = option(0.0, "probability of dropping, in training, what goes from one layer to the next", "float")
    bidirectional: bool = option(False, "a second network reads the sequence backwards; the results stand side by side", "bool")
    states: bool = option(False, "give the last states too", "bool")

    @property
    def projection(self) -> Any:
        """Width that the hidden state is projected to; 0 is not at all."""
        return 0

    @property
    def activation(self) -> str:
        """The activation in ONNX's words, where it can be chosen."""
        return ""

    @property
    def width(self) -> Any:
        """Width of the hidden state that is given on."""
        return self.hidden_size if self.projection == 0 else self.projection

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def bind(self, context: Context, *inputs: TensorType | None) -> Layered:
        check_least(self.hidden_size, 1, "hidden_size")
        check_least(self.num_layers, 1, "num_layers")
        check_probability(self.dropout, "dropout")
        check_least(self.projection, 0, "proj_size")
        if self.projection != 0 and not context.facts.at_least(self.hidden_size, self.projection + 1):
            raise OpFault("`proj_size` must be smaller than `hidden_size`", code="bad-argument", argument="proj_size")
        x = check_rank(given(inputs[0]), 3, wants="[batch, time, width]")
        if self.input_size is INFERRED:
            return self.changed(input_size=x.shape[2])
        check_equal(
            context, x.shape[2], self.input_size, "`input_size` is not the width", operand=0, axis=2, argument="input_size"
        )
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, starts = given(inputs[0]), [*inputs[1:], None, None][: 1 + self.memory]
        check_dtype(x, FLOATS, wants="a float tensor")
        batch, length = x.shape[:2]
        count = self.num_layers * self.directions
        last = [TensorType((count, batch, one), x.dtype) for one in (self.width, self.hidden_size)[: 1 + self.memory]]
        if len({one is None for one in starts}) > 1:
            raise OpFault("wants both first states, or none", code="absent-input", operand=1)
        for operand, (one, wanted) in enumerate(zip(starts, last, strict=True), 1):
            if one is not None:
                check_start(context, one, wanted, operand, "[layers * directions, batch, width]")
        result = TensorType((batch, length, self.directions * self.width), x.dtype)
        return (result, *last) if self.states else (result,)

    def suffixes(self) -> list[list[str]]:
        """What the names of the tensors end in, by layer and direction."""
        return [[f"_l{layer}", f"_l{layer}_reverse"][: self.directions] for layer in range(self.num_layers)]

    def parameters(self) -> Mapping[str, Weight]:
        parts = self.kind.gates
        rows = parts * self.hidden_size
        found: dict[str, Weight] = {}
        entering = self.input_size
        for layer in self.suffixes():
            for suffix in layer:
                found[f"weight_ih{suffix}"] = Weight((rows, entering), "uniform", parts=parts)
                found[f"weight_hh{suffix}"] = Weight((rows, self.width), "uniform", parts=parts)
                if self.bias:
                    found[f"bias_ih{suffix}"] = found[f"bias_hh{suffix}"] = Weight((rows,), "uniform", parts=parts)
                if self.projection != 0:
                    found[f"weight_hr{suffix}"] = Weight((self.projection, self.hidden_size), "uniform")
            entering = self.directions * self.width
        return found

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.recurrent.tangents import layered  # loaded where a derivative is asked for

        return layered(tape, self, *inputs)

    def module(self, tape: TorchTape) -> Code:
        inner = ("input_size", "hidden_size", "states")
        more: dict[str, Any] = {
            name: value for name, value in self.items() if name not in inner and value != self.fields[name].default
        }
        return tape.call(f"nn.{self.name}", self.input_size, self.hidden_size, **more, batch_first=True)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        layer, x, *starts = inputs
        given_ones = [one for one in starts if one is not None]
        start = [Code(f"({', '.join(given_ones)})")] if len(given_ones) > 1 else given_ones
        pair = tape.call(str(layer), x, *start)
        if not self.states:
            return Code(f"{pair}[0]")
        if not self.memory:
            return pair
        name = tape.let(pair, "states")
        return Code(f"({name}[0], {name}[1][0], {name}[1][1])")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str | list[str]:
        type = tape.inputs[0]
        dtype = tape.float if type.dtype == "float" else type.dtype
        starts = [*inputs[1:], None, None][:2]
        count = self.num_layers * self.directions
        split = [[None] * count if one is None else self._split(tape, one, count) for one in starts]
        x = tape.node("Transpose", [str(inputs[0])], perm=[1, 0, 2])
        hidden: list[str] = []
        cells: list[str] = []
        for layer in self.suffixes():
            sequences: list[str] = []
            for side, suffix in enumerate(layer):
                one = Direction(
                    self.kind, self.hidden_size, suffix, side == 1, self.bias, self.projection, self.activation, type.shape[1]
                )
                h0, c0 = (part[len(hidden)] for part in split)
                sequence, h, c = one.write(tape, x, h0, c0, dtype)
                sequences.append(sequence)
                hidden.append(h)
                if c is not None:
                    cells.append(c)
            x = sequences[0] if len(sequences) == 1 else tape.node("Concat", sequences, axis=2)
        result = tape.node("Transpose", [x], perm=[1, 0, 2])
        if not self.states:
            return result
        stacks = [hidden, cells] if self.memory else [hidden]
        return [result, *(one[0] if count == 1 else tape.node("Concat", one, axis=0) for one in stacks)]

    def _split(self, tape: OnnxTape, start: str, count: int) -> list[str | None]:
        """The first states of each layer and direction, each [1, B, width]."""
        return [start] if count == 1 else [*tape.nodes("Split", [start], count, axis=0, num_outputs=count)]

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        x = given(inputs[0])
        total: Size = 0
        for leaf, weight in self.parameters().items():
            if leaf.startswith("weight"):
                total = total + weight.shape[0] * weight.shape[1]
        return total * x.shape[0] * x.shape[1]

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        found = self.reach_each(operand, axis, inputs, outputs)
        return found[0] if len(set(found)) == 1 else Everywhere()

    def reach_each(
        self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> tuple[Reach, ...]:
        states = len(outputs) - 1
        axis %= 3
        if axis == (0 if operand == 0 else 1):  # the batch
            return (Along(0), *(Along(1),) * states)
        earlier = operand == 0 and axis == 1 and not self.bidirectional
        return (Along(1, None, 0) if earlier else Everywhere(), *(Everywhere(),) * states)


def check_start(context: Context, one: TensorType, wanted: TensorType, operand: int, picture: str) -> None:
    """A first state has the wanted type. Raises `OpFault`."""
    check_dtype(one, (wanted.dtype,), operand=operand, wants=f"a first state of the input's dtype, {wanted.dtype}")
    check_rank(one, wanted.rank, operand=operand, wants=picture)
    for axis, (size, wish) in enumerate(zip(one.shape, wanted.shape, strict=True)):
        check_equal(context, size, wish, f"the first state must be {wanted}", operand=operand, axis=axis)
