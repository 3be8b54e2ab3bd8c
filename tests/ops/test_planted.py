"""The battery finds faults: each operator here has one, and the check that is there for it must say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, Op, Reach, Refusal, option
from archdsl.ops.dense.linear import Linear
from archdsl.ops.pointwise.shaped import LeakyRelu
from archdsl.ops.reduce.softmax import Softmax
from archdsl.ops.reduce.sums import Mean, Sum, Var
from tests.ops.battery import check_onnx, check_page, check_refusals, check_torch, check_types
from tests.ops.reach import check_reach


def _found(check: Callable[[type[Op]], None], op: type[Op], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check(op)


def test_sound_operators_pass() -> None:
    for op in (LeakyRelu, Linear, Mean, Softmax, Var):
        for check in (check_page, check_types, check_refusals, check_torch, check_onnx, check_reach):
            check(op)


def test_an_argument_that_never_leaves_its_default() -> None:
    class Bad(LeakyRelu):
        """The leaky unit."""

        examples = (Example({}, ("[N]",), ("[N]",)),)

    _found(check_page, Bad, "negative_slope never leaves its default")


def test_a_missing_docstring() -> None:
    class Bad(LeakyRelu):
        pass

    _found(check_page, Bad, "no docstring of its own")


def test_a_wrong_documented_type() -> None:
    class Bad(Sum):
        """The sum."""

        examples = (Example({"axis": 0}, ("[N, 3]",), ("[N]",)),)

    _found(check_types, Bad, "documented is")


def test_numbers_treated_otherwise_than_symbols() -> None:
    class Bad(LeakyRelu):
        """The leaky unit."""

        def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
            x = inputs[0]
            assert x is not None
            return (TensorType(tuple(one + 1 if one == 3 else one for one in x.shape)),)

        examples = (Example({}, ("[N]",), ("[N]",)),)

    _found(check_types, Bad, "numbers give")


def test_a_refusal_that_does_not_happen() -> None:
    class Bad(LeakyRelu):
        """The leaky unit."""

        refusals = (Refusal({}, ("[N]",), "rank-mismatch"),)

    _found(check_refusals, Bad, "does not refuse")


def test_a_shape_that_pytorch_does_not_give() -> None:
    class Bad(Sum):
        """The sum."""

        def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
            return (TensorType((1, *super().infer(context, *inputs)[0].shape)),)

        examples = (Example({"axis": 0}, ("[N, 3]",), ("[1, 3]",)),)

    _found(check_torch, Bad, "inferred is")


def test_a_gradient_that_is_cut() -> None:
    class Bad(LeakyRelu):
        """The leaky unit."""

        def torch(self, tape: object, *inputs: Code | None) -> Code:
            return Code(f"F.leaky_relu({inputs[0]}.detach(), {self.negative_slope})")

    _found(check_torch, Bad, "no result has a gradient")


def test_macs_that_the_flop_counter_does_not_see() -> None:
    class Bad(Linear):
        """A dense layer."""

        def macs(self, inputs: object, outputs: object) -> int:
            return 1

    _found(check_torch, Bad, "states 1 MACs")


def test_a_parameter_with_another_name() -> None:
    class Bad(Linear):
        """A dense layer."""

        def parameters(self) -> dict[str, object]:
            return {f"{name}_": one for name, one in super().parameters().items()}

    _found(check_torch, Bad, "the module owns")


def test_an_attribute_that_onnx_forgets() -> None:
    class Bad(LeakyRelu):
        """The leaky unit."""

        def onnx(self, tape: object, *inputs: str | None) -> str:
            return str(tape.node("LeakyRelu", [inputs[0]], alpha=0.01))  # type: ignore[attr-defined]

    _found(check_onnx, Bad, "ONNX Runtime differs")


def test_a_small_numerical_fault() -> None:
    class Bad(Var):
        """The variance, with a wrong count."""

        def variance(self, tape: object, x: str) -> str:
            true = super().variance(tape, x)  # type: ignore[arg-type]
            return str(tape.node("Mul", [true, tape.scalar(1.00005, "float")]))  # type: ignore[attr-defined]

        examples = (Example({"axis": 1}, ("[N, 8]",), ("[N]",)),)

    _found(check_onnx, Bad, "ONNX Runtime differs")


class _Claims(Softmax):
    """Softmax."""

    said: Reach = Everywhere()

    def reach(self, operand: int, axis: int, inputs: object, outputs: object) -> Reach:
        return type(self).said


@pytest.mark.parametrize("claim", [Along(0), Along(1), Along(0, None, 0), Everywhere(symmetric=True)], ids=str)
def test_a_reach_that_is_too_short(claim: Reach) -> None:
    class Bad(_Claims):
        """Softmax."""

        said = claim
        examples = (Example({"axis": 0}, ("[T, 2]",), ("[T, 2]",)),)

    _found(check_reach, Bad, "changes position|its order matters")


def test_a_choice_without_an_example() -> None:
    class Bad(LeakyRelu):
        """The leaky unit."""

        mode: str = option("a", "a mode", "str", choices=("a", "b", "c"))
        examples = (Example({"mode": "b", "negative_slope": 0.5}, ("[N]",), ("[N]",)),)

    _found(check_page, Bad, "no example of leaky_relu")
