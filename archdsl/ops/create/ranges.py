"""Ranges of numbers, the identity matrix, and sinusoidal positions."""

from __future__ import annotations

from math import ceil, isfinite
from typing import Any, Self

from archdsl.dims.dim import Dim, Size, ceil_div, symbol
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_divides, check_least, check_positive
from archdsl.ops.contract import Code, Context, Example, OnnxTape, Op, OpFault, Refusal, TorchTape, option, required
from archdsl.ops.create.filled import check_named_dtype
from archdsl.ops.spelling import changed

N, B = symbol("N"), symbol("B")


class Arange(Op):
    """The numbers from start (0 if left out) to end, end excluded, by steps: `arange(T)`, `arange(1, T + 1)`, `arange(0, T, 2)`.

    Of whole numbers an `i64[ceil((end - start) / step)]`; with a fraction among them of the program's float type, and then none
    may be symbolic. Source: PyTorch, `torch.arange`.
    """

    name = "arange"
    family = "create"
    tensors = ()
    variadic = "bounds"
    bounds: tuple[Any, ...] = required("`end`, or `start, end`, or `start, end, step`", "list[number]")
    dtype: str | None = option(None, "its dtype, or none for i64 or, with a fraction, float", "dtype | none")
    examples = (
        Example({"bounds": (5,)}, (), ("i64[5]",)),
        Example({"bounds": (N,)}, (), ("i64[N]",)),
        Example({"bounds": (1, N + 1)}, (), ("i64[N]",)),
        Example({"bounds": (0, 2 * N, 2)}, (), ("i64[N]",)),
        Example({"bounds": (1, N, 3)}, (), ("i64[ceil((N - 1) / 3)]",), bind={"N": 6}),
        Example({"bounds": (7, 0, -2)}, (), ("i64[4]",)),
        Example({"bounds": (0.5, 2.0, 0.25)}, (), ("[6]",)),
        Example({"bounds": (N,), "dtype": "float"}, (), ("[N]",)),
        Example({"bounds": (2, 9, 3), "dtype": "u8"}, (), ("u8[3]",)),
    )
    refusals = (
        Refusal({"bounds": ()}, (), "bad-argument"),
        Refusal({"bounds": (0, 4, 0)}, (), "bad-argument"),
        Refusal({"bounds": (4, 0)}, (), "bad-argument"),
        Refusal({"bounds": (0, N, 0.5)}, (), "bad-argument"),
        Refusal({"bounds": (0, 4, N)}, (), "bad-argument"),
        Refusal({"bounds": (4,), "dtype": "bool"}, (), "bad-argument"),
        Refusal({"bounds": (4,), "dtype": "f128"}, (), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_named_dtype(self.dtype)
        if self.dtype == "bool":
            raise OpFault("a range of bool", code="bad-argument", argument="dtype")
        if not 1 <= len(self.bounds) <= 3:
            raise OpFault(f"wants `end`, `start, end` or `start, end, step`; got {len(self.bounds)} numbers", code="bad-argument",
                          argument="bounds")  # fmt: skip
        step = self.parts()[2]
        if isinstance(step, Dim) or step == 0 or not isfinite(step):
            raise OpFault(f"the step must be a number other than 0; got {step}", code="bad-argument", argument="bounds")
        self.length()
        return self

    def parts(self) -> tuple[Any, Any, Any]:
        """Start, end and step."""
        given = self.bounds
        return (0, given[0], 1) if len(given) == 1 else (*given, 1) if len(given) == 2 else given

    def whole(self) -> bool:
        """No fraction among the numbers."""
        return not any(isinstance(one, float) for one in self.bounds)

    def length(self) -> Size:
        """How many numbers there are."""
        start, end, step = self.parts()
        if self.whole():
            length = ceil_div(end - start, step) if step > 0 else ceil_div(start - end, -step)
        elif any(isinstance(one, Dim) for one in self.bounds):
            raise OpFault("a symbolic bound beside a fraction", code="bad-argument", argument="bounds",
                          help="take a range of whole numbers and multiply it")  # fmt: skip
        else:
            length = ceil((end - start) / step)
        if isinstance(length, int) and length < 0:
            raise OpFault(f"the range from {start} to {end} by {step} runs the wrong way", code="bad-argument", argument="bounds")
        return length

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((self.length(),), self.dtype or ("i64" if self.whole() else "float")),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        dtype = tape.outputs[0].dtype
        # PyTorch's default is right for i64, but not for the program's float type.
        named = {} if dtype == "i64" and self.dtype is None else {"dtype": tape.dtype(dtype)}
        return tape.call("torch.arange", *self.bounds, **named, device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        start, end, step = self.parts()
        dtype = tape.outputs[0].dtype
        if self.whole():
            made = tape.node("Range", [tape.scalar(one, "i64") for one in (start, end, step)])
            return made if dtype == "i64" else tape.node("Cast", [made], to=dtype)
        # Counted in whole numbers: adding up a fractional step would add up its error.
        count = counted(tape, self.length(), "f64")
        made = tape.node("Mul", [count, tape.scalar(step, "f64")])
        made = tape.node("Add", [made, tape.scalar(start, "f64")])
        return tape.node("Cast", [made], to=dtype)


def counted(tape: OnnxTape, length: Size, dtype: str) -> str:
    """0, 1, … length - 1."""
    made = tape.node("Range", [tape.scalar(0, "i64"), tape.size(length), tape.scalar(1, "i64")])
    return made if dtype == "i64" else tape.node("Cast", [made], to=dtype)


class Linspace(Op):
    """`steps` numbers from start to end, both included, equally far apart.

    `linspace(0, 1, N)` gives `[N]`. Source: PyTorch, `torch.linspace`.
    """

    name = "linspace"
    family = "create"
    tensors = ()
    start: float = required("the first", "float")
    end: float = required("the last", "float")
    steps: Size = required("how many", "size")
    examples = (
        Example({"start": 0.0, "end": 1.0, "steps": 5}, (), ("[5]",)),
        Example({"start": -1.5, "end": 2.0, "steps": N}, (), ("[N]",)),
        Example({"start": 3.0, "end": -1.0, "steps": 1}, (), ("[1]",)),
        Example({"start": 0.0, "end": N - 1, "steps": 2 * N}, (), ("[2*N]",)),
    )
    refusals = (Refusal({"start": 0.0, "end": 1.0, "steps": 0}, (), "bad-argument"),)

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.steps, 1, "steps")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((self.steps,)),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.linspace", self.start, self.end, self.steps, dtype=tape.dtype("float"), device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        start, end = tape.scalar(self.start, "f64"), tape.scalar(self.end, "f64")
        gaps = tape.node("Max", [tape.scalar(self.steps - 1, "i64"), tape.scalar(1, "i64")])
        step = tape.node("Div", [tape.node("Sub", [end, start]), tape.node("Cast", [gaps], to="f64")])
        made = tape.node("Add", [start, tape.node("Mul", [counted(tape, self.steps, "f64"), step])])
        return tape.node("Cast", [made], to="float")


class Eye(Op):
    """The identity matrix: ones on the diagonal, else zeros.

    `eye(n)` gives `[n, n]`, `eye(n, m)` gives `[n, m]`. Source: PyTorch, `torch.eye`.
    """

    name = "eye"
    family = "create"
    tensors = ()
    n: Size = required("rows", "size")
    m: Size | None = option(None, "columns, or none for as many as rows", "size | none")
    dtype: str = option("float", "its dtype", "dtype")
    examples = (
        Example({"n": 3}, (), ("[3, 3]",)),
        Example({"n": N, "m": 2}, (), ("[N, 2]",)),
        Example({"n": 2, "m": B + 1, "dtype": "i64"}, (), ("i64[2, B + 1]",)),
        Example({"n": N, "dtype": "bool"}, (), ("bool[N, N]",)),
        Example({"n": 1}, (), ("[1, 1]",)),
    )
    refusals = (
        Refusal({"n": -1}, (), "bad-argument"),
        Refusal({"n": 2, "m": -1}, (), "bad-argument"),
        Refusal({"n": 2, "dtype": "f128"}, (), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.n, 0, "n")
        check_least(0 if self.m is None else self.m, 0, "m")
        check_named_dtype(self.dtype)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((self.n, self.n if self.m is None else self.m), self.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        sizes = (self.n,) if self.m is None else (self.n, self.m)
        return tape.call("torch.eye", *sizes, dtype=tape.dtype(self.dtype), device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        rows = tape.node("Unsqueeze", [counted(tape, self.n, "i64"), tape.ints([1])])
        same = tape.node("Equal", [rows, counted(tape, self.n if self.m is None else self.m, "i64")])
        return same if self.dtype == "bool" else tape.node("Cast", [same], to=self.dtype)


class Sinusoidal(Op):
    """Positions as sines and cosines, interleaved: column 2i is sin(t / base^(2i / D)), column 2i + 1 its cosine.

    `sinusoidal(T, D)` gives `[T, D]`; that D is even must be known. Source: Vaswani et al. 2017, section 3.5.
    """

    name = "sinusoidal"
    family = "create"
    tensors = ()
    length: Size = required("how many positions", "size")
    width: Size = required("how many columns", "size")
    base: float = option(10000.0, "the longest wave is base times two pi", "float")
    examples = (
        Example({"length": 5, "width": 6}, (), ("[5, 6]",)),
        Example({"length": N, "width": 4}, (), ("[N, 4]",)),
        Example({"length": N, "width": 2 * B, "base": 100.0}, (), ("[N, 2*B]",)),
        Example({"length": 1, "width": 2}, (), ("[1, 2]",)),
    )
    refusals = (
        Refusal({"length": 4, "width": 5}, (), "bad-argument"),
        Refusal({"length": 4, "width": N}, (), "unproved-dimension"),
        Refusal({"length": 0, "width": 4}, (), "bad-argument"),
        Refusal({"length": 4, "width": 4, "base": 0.0}, (), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.length, 1, "length")
        check_least(self.width, 2, "width")
        check_positive(self.base, "base")
        check_divides(context, 2, self.width, "the columns are pairs", argument="width", code="bad-argument")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((self.length, self.width)),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        function = tape.helper("sinusoidal")
        base = changed(self, "base")
        return tape.call(function, self.length, self.width, **base, dtype=tape.dtype("float"), device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        # In float64: an angle of many radians has few digits left in a narrower type.
        pairs = counted(tape, self.width // 2, "f64")
        powers = tape.node("Div", [tape.node("Mul", [pairs, tape.scalar(2.0, "f64")]), tape.scalar(self.width, "f64")])
        rates = tape.node("Pow", [tape.scalar(self.base, "f64"), powers])
        steps = tape.node("Unsqueeze", [counted(tape, self.length, "f64"), tape.ints([1])])
        angles = tape.node("Div", [steps, rates])
        waves = [tape.node("Unsqueeze", [tape.node(one, [angles]), tape.ints([2])]) for one in ("Sin", "Cos")]
        made = tape.node("Reshape", [tape.node("Concat", waves, axis=2), tape.shape((self.length, self.width))])
        return tape.node("Cast", [made], to="float")
