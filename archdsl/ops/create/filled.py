"""Tensors filled with one number, and constants from lists."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from archdsl.dims.dim import Dim, Size, symbol
from archdsl.dims.dtype import is_dtype
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_least, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, OpFault, Reach, Refusal, TorchTape, option, required

B = symbol("B")


def dtype_of_number(value: Any) -> str:
    """A whole number is i64, a truth bool, any other of the program's float type."""
    return "bool" if isinstance(value, bool) else "i64" if isinstance(value, (int, Dim)) else "float"


def check_named_dtype(name: str | None) -> None:
    """A dtype of the language, or none. Raises `bad-argument`."""
    if name is not None and not is_dtype(name):
        raise OpFault(f"there is no dtype `{name}`", code="bad-argument", argument="dtype")


class Filled(Op):
    """A tensor of the sizes given, all of one number."""

    family = "create"
    tensors = ()
    variadic = "sizes"
    number: ClassVar[int] = 0
    sizes: tuple[Size, ...] = required("its sizes", "list[size]")
    dtype: str = option("float", "its dtype", "dtype")
    examples = (
        Example({"sizes": (2, 3)}, (), ("[2, 3]",)),
        Example({"sizes": (B, 2 * B)}, (), ("[B, 2*B]",)),
        Example({"sizes": ()}, (), ("[]",)),
        Example({"sizes": (4,), "dtype": "i64"}, (), ("i64[4]",)),
        Example({"sizes": (4, 1), "dtype": "bool"}, (), ("bool[4, 1]",)),
    )
    refusals = (Refusal({"sizes": (-1,)}, (), "bad-argument"), Refusal({"sizes": (2,), "dtype": "f128"}, (), "bad-argument"))

    def fill(self) -> Any:
        return self.number

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.sizes, 0, "sizes")
        check_named_dtype(self.dtype)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType(self.sizes, self.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        sizes = self.sizes if self.sizes else (Code("()"),)
        return tape.call(f"torch.{self.name}", *sizes, dtype=tape.dtype(self.dtype), device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return filled(tape, self.number, self.sizes, self.dtype)


def filled(tape: OnnxTape, value: Any, sizes: tuple[Size, ...], dtype: str) -> str:
    """A number stretched to these sizes; narrow types go through int32, since ONNX Runtime stretches no others."""
    through = dtype if dtype in (*FLOATS, "i64", "i32", "bool") else "i32"
    made = tape.node("Expand", [tape.scalar(value, through), tape.shape(sizes)])
    return made if through == dtype else tape.node("Cast", [made], to=dtype)


class Zeros(Filled):
    """A tensor of zeros.

    `zeros(B, 4)` gives `[B, 4]`; for another dtype `zeros(B, 4, dtype=i64)`. Source: PyTorch, `torch.zeros`.
    """

    name = "zeros"
    number = 0


class Ones(Filled):
    """A tensor of ones.

    `ones(B, 4)` gives `[B, 4]`; for another dtype `ones(B, 4, dtype=bool)`. Source: PyTorch, `torch.ones`.
    """

    name = "ones"
    number = 1


class Full(Op):
    """A tensor of one number: `full([B, 4], 0.5)`.

    A whole number gives i64, a truth bool, any other number the program's float type, unless `dtype` says otherwise.
    Source: PyTorch, `torch.full`.
    """

    name = "full"
    family = "create"
    tensors = ()
    size: tuple[Size, ...] = required("its sizes", "list[size]")
    fill_value: Any = required("the number", "number | bool")
    dtype: str | None = option(None, "its dtype, or none for that of the number", "dtype | none")
    examples = (
        Example({"size": (2, 3), "fill_value": 0.5}, (), ("[2, 3]",)),
        Example({"size": (B, 1), "fill_value": -3}, (), ("i64[B, 1]",)),
        Example({"size": (2,), "fill_value": 3 * B}, (), ("i64[2]",)),
        Example({"size": (), "fill_value": True}, (), ("bool[]",)),
        Example({"size": (4,), "fill_value": 7, "dtype": "float"}, (), ("[4]",)),
        Example({"size": (4,), "fill_value": 7, "dtype": "u8"}, (), ("u8[4]",)),
        Example({"size": (4, B), "fill_value": 0.25, "dtype": "f64"}, (), ("f64[4, B]",)),
    )
    refusals = (
        Refusal({"size": (-1,), "fill_value": 0}, (), "bad-argument"),
        Refusal({"size": (2,), "fill_value": 0, "dtype": "f128"}, (), "bad-argument"),
    )

    @property
    def kind(self) -> str:
        """The dtype of the result."""
        return self.dtype or dtype_of_number(self.fill_value)

    def fill(self) -> Any:
        return self.fill_value

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.size, 0, "size")
        check_named_dtype(self.dtype)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType(self.size, self.kind),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        # The number may be an expression here, whose kind the bound type tells.
        dtype = tape.dtype(tape.outputs[0].dtype)
        return tape.call("torch.full", self.size, self.fill_value, dtype=dtype, device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return filled(tape, self.fill_value, self.size, self.kind)


class Like(Op):
    """A tensor of the shape of another, all of one number."""

    family = "create"
    number: ClassVar[int] = 0
    dtype: str | None = option(None, "its dtype, or none for that of the other", "dtype | none")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ("[N, 3]",), ("[N, 3]",)),
        Example({}, ("i64[1, N]",), ("i64[1, N]",)),
        Example({}, ("[]",), ("[]",)),
        Example({"dtype": "bool"}, ("[N, 2]",), ("bool[N, 2]",)),
        Example({"dtype": "float"}, ("i64[N]",), ("[N]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (Refusal({"dtype": "f128"}, ("[N]",), "bad-argument"),)

    def fill(self) -> Any:
        return self.number

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_named_dtype(self.dtype)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        return (TensorType(x.shape, self.dtype or x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        named = {} if self.dtype is None else {"dtype": tape.dtype(self.dtype)}
        return tape.call(f"torch.{self.name}", inputs[0], **named)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return like(tape, self.number, str(inputs[0]))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)


def like(tape: OnnxTape, value: Any, x: str) -> str:
    """A number stretched to the shape of x, in the dtype of the result."""
    dtype = tape.outputs[0].dtype
    through = dtype if dtype in (*FLOATS, "i64", "i32", "bool") else "i32"
    made = tape.node("Expand", [tape.scalar(value, through), tape.node("Shape", [x])])
    return made if through == dtype else tape.node("Cast", [made], to=dtype)


class ZerosLike(Like):
    """A tensor of zeros of the shape and dtype of another.

    `[N, 3]` gives `[N, 3]`. Source: PyTorch, `torch.zeros_like`.
    """

    name = "zeros_like"
    linear = ()
    number = 0


class OnesLike(Like):
    """A tensor of ones of the shape and dtype of another.

    `[N, 3]` gives `[N, 3]`. Source: PyTorch, `torch.ones_like`.
    """

    name = "ones_like"
    linear = ()
    number = 1


class FullLike(Like):
    """A tensor of one number, of the shape and dtype of another.

    `[N, 3]` gives `[N, 3]`. Source: PyTorch, `torch.full_like`.
    """

    name = "full_like"
    linear = ()
    fill_value: Any = required("the number", "number | bool")
    examples = tuple(Example({**one.args, "fill_value": 3}, one.inputs, one.outputs) for one in Like.examples) + (
        Example({"fill_value": 0.5}, ("[N]",), ("[N]",)),
        Example({"fill_value": 2 * symbol("N")}, ("[N]",), ("[N]",)),
    )
    refusals = (
        Refusal({"fill_value": 0, "dtype": "f128"}, ("[N]",), "bad-argument"),
        Refusal({"fill_value": 0.5}, ("i64[N]",), "dtype-mismatch"),
    )

    def fill(self) -> Any:
        return self.fill_value

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        types = super().infer(context, *inputs)
        if isinstance(self.fill_value, float) and types[0].dtype not in FLOATS:
            raise OpFault(f"a fractional number in {types[0]}", code="dtype-mismatch", operand=0, argument="fill_value")
        return types

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        named = {} if self.dtype is None else {"dtype": tape.dtype(self.dtype)}
        return tape.call("torch.full_like", inputs[0], self.fill_value, **named)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return like(tape, self.fill_value, str(inputs[0]))


FullLike.fields = {"fill_value": FullLike.fields["fill_value"], **FullLike.fields}  # stands first by position, as in PyTorch


class Constant(Op):
    """A tensor from a number or (nested) lists of numbers.

    `constant([[0, 1], [2, 3]])` gives `i64[2, 2]`. Whole numbers give i64, truths bool, any fraction among them the program's
    float type, unless `dtype` says otherwise. Source: PyTorch, `torch.tensor`.
    """

    name = "constant"
    family = "create"
    tensors = ()
    values: Any = required("the numbers", "number | bool | nested")
    dtype: str | None = option(None, "its dtype, or none for that of the numbers", "dtype | none")
    examples = (
        Example({"values": (0, -0.125)}, (), ("[2]",)),
        Example({"values": ((0, 1, 2), (3, 4, 5))}, (), ("i64[2, 3]",)),
        Example({"values": 2.5}, (), ("[]",)),
        Example({"values": (True, False)}, (), ("bool[2]",)),
        Example({"values": ((1,), (2,)), "dtype": "float"}, (), ("[2, 1]",)),
        Example({"values": (1, 2), "dtype": "u8"}, (), ("u8[2]",)),
    )
    refusals = (
        Refusal({"values": ((1, 2), (3,))}, (), "bad-argument"),
        Refusal({"values": (1, (2,))}, (), "bad-argument"),
        Refusal({"values": (1, "a")}, (), "bad-argument"),
        Refusal({"values": (1,), "dtype": "f128"}, (), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_named_dtype(self.dtype)
        shape_of(self.values)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        kinds = {dtype_of_number(one) for one in flat(self.values)}
        whole = next(iter(kinds)) if len(kinds) == 1 else "float" if "float" in kinds or not kinds else "i64"
        return (TensorType(shape_of(self.values), self.dtype or whole),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.tensor", as_lists(self.values), dtype=tape.dtype(tape.outputs[0].dtype), device=tape.device())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.constant(as_lists(self.values), tape.outputs[0].dtype)


def flat(values: Any) -> list[Any]:
    """The numbers of nested tuples, in order."""
    return [one for part in values for one in flat(part)] if isinstance(values, tuple) else [values]


def as_lists(values: Any) -> Any:
    """Nested tuples as lists."""
    return [as_lists(one) for one in values] if isinstance(values, tuple) else values


def shape_of(values: Any) -> tuple[int, ...]:
    """The shape of nested tuples of numbers. Raises `bad-argument` where rows differ in length or a leaf is no number."""
    if not isinstance(values, tuple):
        if not isinstance(values, (int, float)):
            raise OpFault(f"`{values}` is no number", code="bad-argument", argument="values")
        return ()
    shapes = {shape_of(one) for one in values}
    if len(shapes) > 1:
        raise OpFault("the rows have different lengths", code="bad-argument", argument="values")
    return (len(values), *(next(iter(shapes)) if shapes else ()))
