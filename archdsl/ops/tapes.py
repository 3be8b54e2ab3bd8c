"""What an operator writes its PyTorch line and its ONNX nodes to."""

from __future__ import annotations

from typing import Any, Protocol

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType


class Code(str):
    """Python source: what the tape's methods return and take as tensors; any other value is printed as a literal."""

    __slots__ = ()


class TorchTape(Protocol):
    """Where an operator writes its PyTorch line. All text is an expression; the printer owns names and statements."""

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]

    def value(self, value: Any) -> Code:
        """A configuration value as Python: numbers, strings, tuples, None, sizes (`B`, `4 * width`, `self.heads`)."""

    def call(self, function: str, /, *args: Any, **kwargs: Any) -> Code:
        """`function(args…, name=value…)`; `Code` is printed as it is, any other value through `value`."""

    def dtype(self, name: str) -> Code:
        """`torch.int64`; for `float` the dtype of the model, taken from a tensor at hand (`x.dtype`)."""

    def device(self) -> Code:
        """The device of the model, from a tensor at hand: `x.device`."""

    def helper(self, name: str) -> Code:
        """The name of a function or class of `targets/torch/runtime/NAME.py`, which is printed into the generated file."""

    def training(self) -> Code:
        """`self.training`."""

    def let(self, code: Code, hint: str) -> Code:
        """Bind an intermediate result to a local of its own (a statement before the line) and return its name."""


class OnnxTape(Protocol):
    """Where an operator writes its ONNX nodes (opset 22). Values are names."""

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    float: str
    """The program's float type, concrete: `f32`."""

    def node(self, op_type: str, inputs: list[str], /, **attributes: Any) -> str:
        """One node with one output. Attributes: int, float, str, lists of them; `to=` of Cast takes a dtype name. `""` leaves an
        optional input out."""

    def nodes(self, op_type: str, inputs: list[str], outputs: int, /, **attributes: Any) -> list[str]:
        """One node with several outputs."""

    def scalar(self, value: Any, dtype: str) -> str:
        """A 0-d constant of that dtype (`float` is the program's); `value` may be a symbolic size (computed at run time)."""

    def constant(self, values: Any, dtype: str) -> str:
        """A constant tensor from nested lists."""

    def ints(self, values: list[int]) -> str:
        """A 1-D int64 constant: axes, pads, …"""

    def size(self, size: Size) -> str:
        """A 0-d int64: a constant, or computed from the inputs' shapes."""

    def shape(self, sizes: tuple[Size, ...] | list[Size]) -> str:
        """A 1-D int64 of these sizes, for Reshape, Expand, …; a constant where all are numbers."""

    def param(self, leaf: str) -> str:
        """A tensor this layer owns: `weight`, `bias`, `running_mean`."""
