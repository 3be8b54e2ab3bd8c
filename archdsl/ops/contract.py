"""What an operator is: one class with its configuration, shape rule, parameters, PyTorch line, ONNX nodes, cost and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from archdsl.dims.dim import Size
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ops.tapes import Code as Code
from archdsl.ops.tapes import OnnxTape as OnnxTape
from archdsl.ops.tapes import TorchTape as TorchTape
from archdsl.records import fresh, record

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class OpFault(Exception):
    """An operator refuses: what was wanted and what came. The elaborator adds the places and makes it a problem.

    `operand` is the index of the tensor at fault, `axis` its axis; `other` is the operand it disagrees with. `missing` is a fact
    that would make it provable: then the problem is `unproved-dimension`.
    """

    def __init__(
        self, message: str, *, code: str = "shape-mismatch", operand: int | None = None, axis: int | None = None,
        other: int | None = None, argument: str | None = None, offset: tuple[int, int] | None = None,
        missing: str | None = None, help: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.message = message
        self.code = code
        self.operand = operand
        self.axis = axis
        self.other = other
        self.argument = argument
        """The configuration argument at fault, where it is one."""
        self.offset = offset
        """Start and end of the fault inside that argument's string (einops patterns)."""
        self.missing = missing
        self.help = help


@record
class Context:
    """What a shape rule may know: the facts in force and the program's float type (`f32`, `bf16`, …)."""

    facts: Facts
    float: str = "f32"


class Missing:
    """The type of `REQUIRED` and `INFERRED`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


REQUIRED = Missing("required")
INFERRED = Missing("inferred")


@record
class Field:
    """One configuration argument of an operator.

    `kind` is what may be given, in the words of the language: `int float bool str dtype size`, `list[int]`, `size | none`, …;
    `size` is an int or a symbolic dimension, `tensor` is handled by `tensors`. `default` is a value, `REQUIRED` (stands by
    position), or `INFERRED` (the compiler knows it from the input's type; may be given by name and is then checked).
    """

    doc: str
    kind: str
    default: Any
    positional: bool = False
    choices: tuple[str, ...] = ()
    name: str = ""


def required(doc: str, kind: str, *, choices: tuple[str, ...] = ()) -> Any:
    """An argument without a default: stands by position or by name."""
    return Field(doc, kind, REQUIRED, True, choices)


def option(default: Any, doc: str, kind: str, *, positional: bool = False, choices: tuple[str, ...] = ()) -> Any:
    """An argument with PyTorch's default. In a layer only by name (unless `positional`); functions take all by position too."""
    return Field(doc, kind, default, positional, choices)


def inferred(doc: str, kind: str = "size") -> Any:
    """A size that the input's type gives."""
    return Field(doc, kind, INFERRED)


@record
class Weight:
    """A tensor that a layer owns. `init` names PyTorch's default, for people: the module's constructor does it. Its first
    axis has `parts` equal parts (gates; q, k and v), its last `window` axes are a kernel's."""

    shape: tuple[Size, ...]
    init: str = "zeros"
    buffer: bool = False
    persistent: bool = True
    dtype: str = "float"
    parts: int = 1
    window: int = 0


@record
class Along:
    """Output position t along `axis` depends only on input positions t + low … t + high of the traced axis; None is unbounded."""

    axis: int
    low: int | None = 0
    high: int | None = 0


@record
class Everywhere:
    """Every output element may depend on every position. `symmetric`: permuting the positions changes nothing (a sum, a mean)."""

    symmetric: bool = False


Reach = Along | Everywhere


@record
class Gate:
    """Along an axis of one operand, axis `column` of another, `table`, goes with it: where the table is zero (false), or minus
    infinity with `barred`, the position counts for nothing."""

    table: int
    column: int
    barred: bool = False


@record
class Example:
    """A worked example: documented, and run by the battery with every target.

    `inputs` and `outputs` are types as text (`"[N, 3, H, W]"`, `"i64[B, T]"`); `facts` such as `"H % 2 == 0"` hold; `bind` gives
    numbers to symbols (else small primes that keep the facts). `values` may restrict an input: its index to `(low, high)`, for
    indices, or domains such as log's; the high of integers is excluded, or a symbol.
    """

    args: Mapping[str, Any] = fresh(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    bind: Mapping[str, int] = fresh(default_factory=dict)
    values: Mapping[int, tuple[Any, Any]] = fresh(default_factory=dict)
    onnx: bool = True
    """False only where ONNX has no such function; the reason is in the operator's docstring."""
    note: str = ""


@record
class Refusal:
    """An example of what the operator refuses, and the code it gives."""

    args: Mapping[str, Any] = fresh(default_factory=dict)
    inputs: tuple[str, ...] = ()
    code: str = "shape-mismatch"
    facts: tuple[str, ...] = ()


@record
class Batched:
    """An operator that works along one axis more, and where the axis must stand: how many axes come after it.

    `inputs` says it for each operand, `result` for the results. An operand that is the same for all gets the axis with size 1
    where it has more axes than come after; None leaves it as it is.
    """

    op: Op
    inputs: tuple[int | None, ...]
    result: int


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(required, option, inferred))
class Op:
    """An operator with its configuration: immutable, compared by value.

    A subclass annotates its arguments with `required`, `option` and `inferred`, and states the class attributes below. Its
    docstring opens with one line that says what it does, and ends with its source (paper, standard): the operator's page.
    """

    name: ClassVar[str] = ""
    """The word in the language: `Conv2d`, `relu`."""
    tensors: ClassVar[tuple[str, ...]] = ("x",)
    """Names of the tensor inputs; `mask?` may be absent (passed as None), `*xs` takes one or more (the last), `()` creators."""
    variadic: ClassVar[str | None] = None
    """The field that takes all positional configuration arguments as a tuple: `zeros(B, 4)`, `permute(0, 2, 1)`."""
    keywords: ClassVar[str | None] = None
    """The field that takes all other named sizes as a tuple of pairs: `rearrange("b (h d) -> b h d", h=heads)`."""
    numbers: ClassVar[bool] = False
    """Numbers and sizes may stand where a tensor does (pointwise functions); they take the dtype of the tensor beside them."""
    floats: ClassVar[bool] = False
    """Needs floats: the elaborator casts integer tensors to the program's float type first."""
    layer: ClassVar[bool] = False
    """CamelCase: owns parameters, buffers or randomness."""
    random: ClassVar[bool] = False
    """Draws in training (dropout)."""
    precise: ClassVar[bool] = False
    """Sums, exponentials and the like, of which half precision loses too much: the pass `cast` leaves it as it is."""
    channels_last: ClassVar[str] = ""
    """Images laid out so in PyTorch's memory: it `keeps` them so, `wants` its first so (and keeps it), or `makes` them so."""
    family: ClassVar[str] = ""
    """The folder it stands in, for the reference pages."""
    examples: ClassVar[tuple[Example, ...]] = ()
    refusals: ClassVar[tuple[Refusal, ...]] = ()
    fields: ClassVar[Mapping[str, Field]] = {}
    linear: ClassVar[tuple[str, ...] | None] = None
    """Operands in which it is linear, the others held: `("x",)`; `("x", "y")` in each of two, `("x y",)` in both together;
    `("*xs",)` in each of many; `()` in none: constant. What is optional in another group is an addend. None: `tangent` tells."""
    alike: ClassVar[str] = ""
    """Along which axes that map to themselves it treats all positions alike: `every`, `batch` (axis 0), or none that is known."""
    of_two: ClassVar[str] = ""
    """The operator that is this one of two tensors, element by element."""
    empty_batch: ClassVar[bool] = True
    """PyTorch computes it of a batch of size 0 too."""
    moves: ClassVar[bool] = False
    """The elements of the result are those of the input, elsewhere or where they were."""
    at: ClassVar[Mapping[float, float]] = {}
    """What it makes of some elements of its (first) input in evaluation mode: `{-inf: 0.0}` of exp."""
    no_tangent: ClassVar[str] = ""
    """Why it has no tangent, where it could have one."""
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _needed: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        fields = dict(cls.fields)
        for name in cls.__dict__.get("__annotations__", {}):
            one = cls.__dict__.get(name)
            if isinstance(one, Field):
                fields[name] = Field(one.doc, one.kind, one.default, one.positional, one.choices, name)
                delattr(cls, name)
        cls.fields = fields
        cls._defaults = {name: one.default for name, one in fields.items()}
        cls._needed = tuple([name for name, one in fields.items() if one.default is REQUIRED])
        if "parameters" in cls.__dict__:
            setattr(cls, "parameters", _once(cls.__dict__["parameters"]))  # noqa: B010 (a method is no attribute to assign to)

    def __init__(self, **values: Any) -> None:
        given = self.__dict__
        given.update(self._defaults)
        given.update(values)
        if len(given) > len(self.fields):
            raise TypeError(f"{self.name} has no `{next(name for name in values if name not in self.fields)}`")
        for name in self._needed:
            if given[name] is REQUIRED:
                raise TypeError(f"{self.name} needs `{name}`")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def items(self) -> Iterator[tuple[str, Any]]:
        """Its arguments and their values."""
        for name in self.fields:
            yield name, getattr(self, name)

    def changed(self, **values: Any) -> Self:
        """The same operator with other arguments."""
        return type(self)(**{**dict(self.items()), **values})

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(value == getattr(other, name) and type(value) is type(getattr(other, name))
                                                 for name, value in self.items())  # fmt: skip

    def __hash__(self) -> int:
        return hash((type(self), tuple(value for _, value in self.items())))

    def __repr__(self) -> str:
        said = [f"{name}={value!r}" for name, value in self.items() if value != self.fields[name].default]
        return f"{self.name}({', '.join(said)})"

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        """Fill the `inferred` arguments from the inputs' types, or check those given. Raises `OpFault`."""
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The types of the results, for a bound operator. Raises `OpFault`. Sizes are simplified by the caller."""
        raise TypeError(f"{self.name} has no shape rule")

    def parameters(self) -> Mapping[str, Weight]:
        """What it owns, by PyTorch's leaf names, in PyTorch's order. Of a bound operator."""
        return {}

    def module(self, tape: TorchTape) -> Code:
        """For a layer: the constructor, `nn.Conv2d(3, 64, 7, stride=2)`. For a function: its module in an `nn.Sequential`
        (`nn.ReLU()`), or empty where it has none."""
        return Code("")

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        """For a function: the expression of its result, a tuple where it has several. For a layer: the call of its module,
        then the first of `inputs`."""
        if not self.layer:
            raise TypeError(f"{self.name} has no PyTorch line")
        return Code(f"{inputs[0]}({', '.join(str(one) for one in inputs[1:] if one is not None)})")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str | list[str]:
        """Write the nodes (in evaluation mode) and return the name of the result, or the list of several."""
        raise TypeError(f"{self.name} has no ONNX form")

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        """Multiply-accumulates of convolutions, matrix products and attention, as `torch.utils.flop_counter` / 2 counts them."""
        return 0

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        """The operator for many of its inputs at once, along one axis more: what a scan's body computes at a step, for all steps.

        `after` says of each operand how many axes stand after the new one, None where the operand is the same for all; the types
        are those without the new axis. What it gives is a promise to compute the same numbers; None is always right.
        """
        return None

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        """Where axis `axis` of input `operand` goes, in evaluation mode, for the proofs of causal, independent and equivariant.

        What it says is a promise: `Everywhere()` is always right.
        """
        return Everywhere()

    def reach_each(
        self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> tuple[Reach, ...]:
        """The same for each output, where they differ."""
        return (self.reach(operand, axis, inputs, outputs),) * len(outputs)

    def fill(self) -> Any:
        """The one number that all elements of the result are, where they are one; else None."""
        return None

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        """The sizes that the whole numbers of an operand stay below, where they are positions in something."""
        return ()

    def gates(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...]) -> tuple[Gate, ...]:
        """The other operands that decide which positions along an axis of this one count: a promise, for finite numbers."""
        return ()

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        """The tangent of the result (a tuple where it has several; None is zero), for what is not `linear`. `ops/tangent.py`
        says what `tape` and `inputs` are."""
        return NotImplemented


def _once(parameters: Callable[[Any], Mapping[str, Weight]]) -> Callable[[Any], Mapping[str, Weight]]:
    """What an operator owns is asked often and does not change: it is told once for each."""

    @wraps(parameters)
    def told(self: Any) -> Mapping[str, Weight]:
        known = self.__dict__.get("_parameters")
        if known is None:
            known = self.__dict__["_parameters"] = parameters(self)
        return known  # type: ignore[no-any-return]

    return told
