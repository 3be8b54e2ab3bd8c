"""The layers LSTM, GRU and RNN."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.ops.contract import Example, Refusal, option
from archdsl.ops.recurrent import gates
from archdsl.ops.recurrent.layered import Layered

SEQUENCE = ("[B, T, 5]",)
REFUSED = (
    Refusal({"hidden_size": 4}, ("[T, 5]",), "rank-mismatch"),
    Refusal({"hidden_size": 4}, ("i64[B, T, 5]",), "dtype-mismatch"),
    Refusal({"hidden_size": 0}, SEQUENCE, "bad-argument"),
    Refusal({"hidden_size": 4, "num_layers": 0}, SEQUENCE, "bad-argument"),
    Refusal({"hidden_size": 4, "num_layers": 2, "dropout": 2.0}, SEQUENCE, "bad-argument"),
    Refusal({"hidden_size": 4, "input_size": 6}, SEQUENCE),
)


class LSTM(Layered):
    """`nn.LSTM`, always batch first, giving the sequence, or with `states=true` the sequence and the last states `h` and `c`.

    x is `[B, T, I]`, the first states h0 `[num_layers * directions, B, R]` and c0 `[num_layers * directions, B, H]` are zeros
    unless both are given: `(x, h0, c0) -> LSTM(H)`. R is `proj_size`, or H without it. The sequence is `[B, T, directions *
    R]`. Multiply- accumulates are those of all weights at every step. In ONNX the recurrence is computed in f32, also in an
    f64 program. Hochreiter & Schmidhuber (1997), Gers et al. (2000); projections: Sak et al. (2014).
    """

    name = "LSTM"
    tensors = ("x", "h0?", "c0?")
    kind = gates.LSTM
    memory = True
    proj_size: Any = option(0, "width that the hidden state is projected to; 0 is not at all", "size")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"hidden_size": 4}, SEQUENCE, ("[B, T, 4]",)),
        Example({"hidden_size": 4, "num_layers": 2, "dropout": 0.2, "bias": False}, SEQUENCE, ("[B, T, 4]",)),
        Example({"hidden_size": 4, "states": True, "input_size": 5}, ("[B, T, 5]", "[1, B, 4]", "[1, B, 4]"),
                ("[B, T, 4]", "[1, B, 4]", "[1, B, 4]")),
        Example({"hidden_size": 3, "num_layers": 2, "bidirectional": True, "states": True},
                ("[B, T, 5]", "[4, B, 3]", "[4, B, 3]"),
                ("[B, T, 6]", "[4, B, 3]", "[4, B, 3]")),
        Example({"hidden_size": 4, "proj_size": 2}, SEQUENCE, ("[B, T, 2]",)),
        Example({"hidden_size": 4, "proj_size": 3, "num_layers": 2, "bidirectional": True, "states": True},
                ("[B, T, 5]", "[4, B, 3]", "[4, B, 4]"), ("[B, T, 6]", "[4, B, 3]", "[4, B, 4]")),
        Example({"hidden_size": 1}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (
        *REFUSED,
        Refusal({"hidden_size": 4, "proj_size": 4}, SEQUENCE, "bad-argument"),
        Refusal({"hidden_size": 4, "proj_size": -1}, SEQUENCE, "bad-argument"),
        Refusal({"hidden_size": 4}, ("[2, T, 5]", "[1, 2, 4]"), "absent-input"),
        Refusal({"hidden_size": 4}, ("[2, T, 5]", "[1, 2, 4]", "[1, 2, 3]")),
        Refusal({"hidden_size": 4}, ("[2, T, 5]", "[2, 4]", "[2, 4]"), "rank-mismatch"),
        Refusal({"hidden_size": 4}, ("[2, T, 5]", "f64[1, 2, 4]", "f64[1, 2, 4]"), "dtype-mismatch"),
    )

    @property
    def projection(self) -> Any:
        return self.proj_size


class GRU(Layered):
    """`nn.GRU`, always batch first, giving the sequence, or with `states=true` the sequence and the last state.

    x is `[B, T, I]`, the first state h0 `[num_layers * directions, B, H]` is zeros unless given: `(x, h0) -> GRU(H)`. The
    sequence is `[B, T, directions * H]`. Multiply-accumulates are those of all weights at every step. In ONNX the recurrence
    is computed in f32, also in an f64 program. Cho et al. (2014), as in cuDNN: the reset gate acts after the recurrent
    product.
    """

    name = "GRU"
    tensors = ("x", "h0?")
    kind = gates.GRU
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"hidden_size": 4}, SEQUENCE, ("[B, T, 4]",)),
        Example({"hidden_size": 4, "num_layers": 2, "dropout": 0.2, "bias": False}, SEQUENCE, ("[B, T, 4]",)),
        Example({"hidden_size": 4, "states": True, "input_size": 5}, ("[B, T, 5]", "[1, B, 4]"), ("[B, T, 4]", "[1, B, 4]")),
        Example({"hidden_size": 3, "num_layers": 2, "bidirectional": True, "states": True}, ("[B, T, 5]", "[4, B, 3]"),
                ("[B, T, 6]", "[4, B, 3]")),
        Example({"hidden_size": 1}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (*REFUSED, Refusal({"hidden_size": 4}, ("[2, T, 5]", "[1, 3, 4]")))


class RNN(Layered):
    """`nn.RNN`, always batch first, giving the sequence, or with `states=true` the sequence and the last state.

    x is `[B, T, I]`, the first state h0 `[num_layers * directions, B, H]` is zeros unless given: `(x, h0) -> RNN(H)`. The
    sequence is `[B, T, directions * H]`. Multiply-accumulates are those of all weights at every step. In ONNX the recurrence
    is computed in f32, also in an f64 program. Elman (1990).
    """

    name = "RNN"
    tensors = ("x", "h0?")
    kind = gates.RNN
    nonlinearity: str = option("tanh", "what the sum goes through", "str", choices=("tanh", "relu"))
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"hidden_size": 4}, SEQUENCE, ("[B, T, 4]",)),
        Example({"hidden_size": 4, "num_layers": 2, "dropout": 0.2, "bias": False, "nonlinearity": "relu"},
                SEQUENCE, ("[B, T, 4]",)),
        Example({"hidden_size": 4, "states": True, "input_size": 5}, ("[B, T, 5]", "[1, B, 4]"), ("[B, T, 4]", "[1, B, 4]")),
        Example({"hidden_size": 3, "num_layers": 2, "bidirectional": True, "states": True}, ("[B, T, 5]", "[4, B, 3]"),
                ("[B, T, 6]", "[4, B, 3]")),
        Example({"hidden_size": 1}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (*REFUSED, Refusal({"hidden_size": 4}, ("[2, T, 5]", "[1, 3, 4]")))

    @property
    def activation(self) -> str:
        return "Relu" if self.nonlinearity == "relu" else "Tanh"
