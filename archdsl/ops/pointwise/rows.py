"""One row makes one pointwise operator: its word, PyTorch expression, ONNX recipe, domain and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from archdsl.ops.checks import FLOATS, INTEGERS
from archdsl.ops.contract import Code, Example, OnnxTape, Op, Refusal, TorchTape
from archdsl.ops.pointwise.elementwise import Elementwise, widely

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

Recipe = Callable[..., str]
"""From a tape and the names of the inputs to the name of the result."""
Domain = tuple[float, float]
Rule = Callable[..., Any]
"""From the tangent of an input, the inputs and the result to the tangent of the result."""


def simple(op_type: str) -> Recipe:
    """The recipe of a function that ONNX has."""
    return lambda tape, *inputs: widely(tape, op_type, list(inputs), tape.inputs[0].dtype, tape.outputs[0].dtype)


def row(
    where: str, word: str, doc: str, torch: str | Callable[..., str], onnx: str | Recipe, *, tensors: tuple[str, ...] = ("x",),
    module: str = "", dtypes: tuple[str, ...] = FLOATS, result: str = "", domain: Domain | None = None,
    domains: dict[int, Any] | None = None, numbers: bool | None = None, tangent: Rule | tuple[Rule | None, ...] | None = None,
    constant: bool = False, precise: bool = False, at: Mapping[float, float] | None = None,
) -> type[Op]:  # fmt: skip
    """An operator class. `where` is the module it stands in (`__name__`); `torch` an expression with `{0}`, `{1}` for the inputs,
    or what writes one from a tape and the inputs.

    It takes integers too where `dtypes` has them; where it has floats alone, integers are cast before. Functions of several
    tensors take numbers in their place unless `numbers` is False. Its examples follow from these. `tangent` makes the
    tangent of the result from that of the input, the inputs and the result (several for several); `constant`: it is 0. `at` is
    as in `Op`.
    """
    recipe = simple(onnx) if isinstance(onnx, str) else onnx
    several = len(tensors) > 1
    numeric = several if numbers is None else numbers

    def write_torch(self: Op, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(torch.format(*inputs) if isinstance(torch, str) else torch(tape, *inputs))

    def write_onnx(self: Op, tape: OnnxTape, *inputs: str | None) -> str:
        return recipe(tape, *inputs)

    def write_module(self: Op, tape: TorchTape) -> Code:
        return Code(module)

    values = domains if domains is not None else dict.fromkeys(range(len(tensors)), domain) if domain else {}
    members: dict[str, Any] = {
        "__module__": where, "__doc__": page(doc, word, tensors, dtypes, result),
        "name": word, "tensors": tensors, "dtypes": dtypes, "result": result,
        "floats": dtypes == FLOATS, "precise": precise, "numbers": numeric,
        "torch": write_torch, "onnx": write_onnx, "module": write_module,
        "examples": binary_examples(dtypes, result, values, numeric) if several else unary_examples(dtypes, result, values),
        "refusals": binary_refusals(dtypes) if several else unary_refusals(dtypes),
    }  # fmt: skip
    if at is not None:
        members["at"] = at
    if constant or result:
        members["linear"] = ()
    if tangent is not None:
        members["tangent"] = _sum_of(tangent if isinstance(tangent, tuple) else (tangent,))
    return type("".join(part.capitalize() for part in word.split("_")), (Elementwise,), members)


def _sum_of(rules: tuple[Rule | None, ...]) -> Callable[..., Any]:
    """The tangent rule of a function whose inputs have these; None: nothing changes with it."""

    def tangent(self: Op, tape: TangentTape, *inputs: Any) -> Any:
        plain, total = [one.plain for one in inputs], None
        for one, rule in zip(inputs, rules, strict=True):
            if one.d is not None and rule is not None:
                term = rule(one.d, *plain, tape.outputs[0])
                total = term if total is None else total + term
        return total

    return tangent


def page(doc: str, word: str, tensors: tuple[str, ...], dtypes: tuple[str, ...], result: str) -> str:
    """The docstring: what it does, shapes and dtypes, and whose function it is."""
    shapes = "Of any shape, which the result has."
    if len(tensors) > 1:
        shapes = "Shapes broadcast: `[N, 1, 3]` and `[4, 3]` give `[N, 4, 3]`."
    taken = "floats" if dtypes == FLOATS else ", ".join(kinds(dtypes))
    kept = f"gives {result}" if result else "keeps the dtype"
    return f"{doc}\n\n{shapes} Takes {taken}; {kept}.\n\nSource: PyTorch, `{word}`.\n"


def kinds(dtypes: tuple[str, ...]) -> list[str]:
    """One dtype of each kind: float, wide and narrow integers, bool."""
    return [one for one in ("float", "i64", "i32", "u8", "bool") if one in dtypes]


def _type(dtype: str, shape: str) -> str:
    return f"{'' if dtype == 'float' else dtype}[{shape}]"


def unary_examples(dtypes: tuple[str, ...], result: str, values: dict[int, Any]) -> tuple[Example, ...]:
    """A symbolic and a 0-d example of each dtype."""
    return tuple(
        Example(inputs=(_type(dtype, shape),), outputs=(_type(result or dtype, shape),), values=values)
        for dtype in kinds(dtypes) for shape in ("N, 3", "1, N, 2", "")
    )  # fmt: skip


def binary_examples(dtypes: tuple[str, ...], result: str, values: dict[int, Any], numbers: bool) -> tuple[Example, ...]:
    """Equal shapes, broadcasting both ways, a 0-d tensor, and numbers on either side."""
    found = []
    for dtype in kinds(dtypes):
        for left, right, out in (
            ("N, 3", "N, 3", "N, 3"),
            ("N, 1, 3", "4, 3", "N, 4, 3"),
            ("", "2, N", "2, N"),
            ("1, N", "", "1, N"),
        ):
            ends = (_type(dtype, left), _type(dtype, right))
            found.append(Example(inputs=ends, outputs=(_type(result or dtype, out),), values=values))
        number = "true" if dtype == "bool" else "2"
        if numbers:
            out = _type(result or dtype, "N, 3")
            found.append(Example(inputs=(_type(dtype, "N, 3"), number), outputs=(out,), values=values))
            found.append(Example(inputs=(number, _type(dtype, "N, 3")), outputs=(out,), values=values))
    if numbers and "i64" in dtypes:
        one = Example(inputs=("i64[N, 3]", "2*N + 1"), outputs=(_type(result or "i64", "N, 3"),), values=values)
        found.append(one)
    return tuple(found)


def unary_refusals(dtypes: tuple[str, ...]) -> tuple[Refusal, ...]:
    """A dtype that it does not take."""
    wrong = "bool" if "bool" not in dtypes else "" if "float" not in dtypes else None
    return () if wrong is None else (Refusal(inputs=(f"{wrong}[N]",), code="dtype-mismatch"),)


def binary_refusals(dtypes: tuple[str, ...]) -> tuple[Refusal, ...]:
    """Sizes that differ, or may, and dtypes that differ, or are not taken."""
    dtype = "" if "float" in dtypes else "bool" if "bool" in dtypes else "i64"
    found = [
        Refusal(inputs=(f"{dtype}[N, 3]", f"{dtype}[N, 4]"), code="shape-mismatch"),
        Refusal(inputs=(f"{dtype}[N]", f"{dtype}[M]"), code="unproved-dimension"),
    ]
    if any(one in dtypes for one in INTEGERS):
        found.append(Refusal(inputs=("i32[N]", "i64[N]"), code="dtype-mismatch"))
    wrong = next((one for one in ("bool", "i64", "") if (one or "float") not in dtypes), None)
    if wrong is not None and (dtypes != FLOATS or wrong == "bool"):
        found.append(Refusal(inputs=(f"{wrong}[N]", f"{wrong}[N]"), code="dtype-mismatch"))
    return tuple(found)
