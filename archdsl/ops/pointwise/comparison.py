"""Comparisons and logic: what stands behind `== != < <= > >=` and `and or not` on tensors, a row each."""

from __future__ import annotations

from archdsl.ops.checks import INTEGERS
from archdsl.ops.contract import OnnxTape
from archdsl.ops.pointwise.elementwise import EVERY, NUMERIC, widely
from archdsl.ops.pointwise.rows import Recipe, row

_TWO = ("x", "y")
_BOOL = ("bool",)


def _compare(op_type: str) -> Recipe:
    return lambda t, x, y: widely(t, op_type, [x, y], t.inputs[0].dtype, "bool")


def _unequal(t: OnnxTape, x: str, y: str) -> str:
    return t.node("Not", [widely(t, "Equal", [x, y], t.inputs[0].dtype, "bool")])


_N = __name__

Eq = row(
    _N, "eq", "Whether they are equal: `x == y`.", "{0} == {1}", _compare("Equal"), tensors=_TWO, dtypes=EVERY, result="bool"
)
Ne = row(_N, "ne", "Whether they differ: `x != y`.", "{0} != {1}", _unequal, tensors=_TWO, dtypes=EVERY, result="bool")
Lt = row(_N, "lt", "Whether x is less: `x < y`.", "{0} < {1}", _compare("Less"), tensors=_TWO, dtypes=NUMERIC, result="bool")
Le = row(_N, "le", "Whether x is less or equal: `x <= y`.", "{0} <= {1}", _compare("LessOrEqual"), tensors=_TWO, dtypes=NUMERIC,
         result="bool")  # fmt: skip
Gt = row(
    _N, "gt", "Whether x is greater: `x > y`.", "{0} > {1}", _compare("Greater"), tensors=_TWO, dtypes=NUMERIC, result="bool"
)
Ge = row(_N, "ge", "Whether x is greater or equal: `x >= y`.", "{0} >= {1}", _compare("GreaterOrEqual"), tensors=_TWO,
         dtypes=NUMERIC, result="bool")  # fmt: skip

LogicalAnd = row(_N, "logical_and", "Whether both are true: `x and y`.", "{0} & {1}", "And", tensors=_TWO, dtypes=_BOOL)
LogicalOr = row(_N, "logical_or", "Whether one or both are true: `x or y`.", "{0} | {1}", "Or", tensors=_TWO, dtypes=_BOOL)
LogicalXor = row(_N, "logical_xor", "Whether one is true and one is not.", "{0} ^ {1}", "Xor", tensors=_TWO, dtypes=_BOOL)
LogicalNot = row(_N, "logical_not", "Whether it is false: `not x`.", "~{0}", "Not", dtypes=_BOOL)

BitwiseAnd = row(_N, "bitwise_and", "The bits that both integers have.", "{0} & {1}", "BitwiseAnd", tensors=_TWO, dtypes=INTEGERS)
BitwiseOr = row(
    _N, "bitwise_or", "The bits that one or both integers have.", "{0} | {1}", "BitwiseOr", tensors=_TWO, dtypes=INTEGERS
)
BitwiseXor = row(_N, "bitwise_xor", "The bits that one integer has and one has not.", "{0} ^ {1}", "BitwiseXor", tensors=_TWO,
                 dtypes=INTEGERS)  # fmt: skip
BitwiseNot = row(_N, "bitwise_not", "All bits of an integer turned.", "~{0}", "BitwiseNot", dtypes=INTEGERS)
