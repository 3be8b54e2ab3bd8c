"""The tape that operators write their PyTorch line to: literals, calls, sizes, and what the line needs around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from archdsl.dims.dim import Dim, format_size
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Code
from archdsl.targets.torch.literals import MARK, number, quote

DTYPES = {
    "f64": "torch.float64", "f32": "torch.float32", "f16": "torch.float16", "bf16": "torch.bfloat16", "bool": "torch.bool",
    "i64": "torch.int64", "i32": "torch.int32", "i16": "torch.int16", "i8": "torch.int8", "u8": "torch.uint8",
}  # fmt: skip

_HOLE = re.compile(f"{MARK}([?][0-9]+){MARK}")


@dataclass(frozen=True)
class Expr:
    """A value that is known only to the printed program: `p`, `self.scale`. Arithmetic gives longer expressions.

    A symbol in its text stands between marks, and is spelled as the surroundings say.
    """

    text: str

    def __add__(self, other: Any) -> Expr:
        return _joined(self, "+", other)

    def __radd__(self, other: Any) -> Expr:
        return _joined(other, "+", self)

    def __sub__(self, other: Any) -> Expr:
        return _joined(self, "-", other)

    def __rsub__(self, other: Any) -> Expr:
        return _joined(other, "-", self)

    def __mul__(self, other: Any) -> Expr:
        return _joined(self, "*", other)

    def __rmul__(self, other: Any) -> Expr:
        return _joined(other, "*", self)

    def __floordiv__(self, other: Any) -> Expr:
        return _joined(self, "//", other)

    def __rfloordiv__(self, other: Any) -> Expr:
        return _joined(other, "//", self)

    def __truediv__(self, other: Any) -> Expr:
        return _joined(self, "/", other)

    def __neg__(self) -> Expr:
        return Expr(f"-{grouped(self.text)}")


def _joined(left: Any, sign: str, right: Any) -> Expr:
    sides = [grouped(one.text) if isinstance(one, Expr) else grouped(str(Tape().value(one))) for one in (left, right)]
    return Expr(f"{sides[0]} {sign} {sides[1]}")


@dataclass
class Surroundings:
    """What the function that is printed offers its lines: names for symbols, tensors at hand, room for statements before."""

    symbol: Callable[[str], str] = str
    """The expression for a symbol."""
    size: Callable[[Dim], str | None] = lambda size: None
    """The expression for a whole size, where there is a better one than that of its symbols."""
    dtype: Callable[[], str] = lambda: "torch.get_default_dtype()"
    """The module's float type."""
    device: Callable[[], str] = lambda: "None"
    """The module's device."""
    let: Callable[[str, str], str] | None = None
    """Bind code to a local and return its name."""
    helpers: dict[str, None] = field(default_factory=dict)
    """The helpers asked for, in order."""


class Tape:
    """A `TorchTape` (ops/contract.py) for one line."""

    def __init__(
        self,
        inputs: tuple[TensorType, ...] = (),
        outputs: tuple[TensorType, ...] = (),
        around: Surroundings | None = None,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.around = around or Surroundings()

    def value(self, value: Any) -> Code:
        """A configuration value as Python, in parentheses where it could not stand beside an operator."""
        return Code(grouped(self.plain(value)) if isinstance(value, (Dim, Expr)) else self.plain(value))

    def plain(self, value: Any) -> str:
        """A configuration value as Python, for a place where commas or brackets end it."""
        if isinstance(value, Code):
            return str(value)
        if value is None or isinstance(value, bool):
            return repr(value)
        if isinstance(value, (int, float)):
            return number(value)
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, Dim):
            return self.around.size(value) or format_size(value, "python", lambda name: grouped(self.around.symbol(name)))
        if isinstance(value, Expr):
            return _HOLE.sub(lambda found: grouped(self.around.symbol(found[1])), value.text)
        if isinstance(value, tuple):
            inner = ", ".join(self.plain(one) for one in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, list):
            return f"[{', '.join(self.plain(one) for one in value)}]"
        raise TypeError(f"no Python literal for {type(value).__name__}")

    def call(self, function: str, /, *args: Any, **kwargs: Any) -> Code:
        said = [self.plain(one) for one in args] + [f"{name}={self.plain(one)}" for name, one in kwargs.items()]
        return Code(f"{function}({', '.join(said)})")

    def dtype(self, name: str) -> Code:
        return Code(self.around.dtype() if name == "float" else DTYPES[name])

    def device(self) -> Code:
        return Code(self.around.device())

    def helper(self, name: str) -> Code:
        self.around.helpers[name] = None
        return Code(name)

    def training(self) -> Code:
        return Code("self.training")

    def let(self, code: Code, hint: str) -> Code:
        if self.around.let is None:
            raise ValueError("there is no room for a statement here")
        return Code(self.around.let(str(code), hint))


def grouped(text: str) -> str:
    """The expression, in parentheses unless it is a name, a number, a call, an attribute or an index."""
    tree = ast.parse(_HOLE.sub("hole", text), mode="eval").body
    atomic = isinstance(tree, (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List))
    return text if atomic else f"({text})"
