"""Constants and dtypes between archdsl, numpy and ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

DTYPES = {
    "f64": ir.DataType.DOUBLE, "f32": ir.DataType.FLOAT, "f16": ir.DataType.FLOAT16, "bf16": ir.DataType.BFLOAT16,
    "i64": ir.DataType.INT64, "i32": ir.DataType.INT32, "i16": ir.DataType.INT16, "i8": ir.DataType.INT8,
    "u8": ir.DataType.UINT8, "bool": ir.DataType.BOOL,
}  # fmt: skip
"""ONNX's dtype of each of the language's, `float` apart."""


def onnx_dtype(name: str, program: str) -> ir.DataType:
    """The ONNX dtype of a dtype name; `float` is the program's float type `program`."""
    return DTYPES[program if name == "float" else name]


def tensor(values: Any, dtype: ir.DataType) -> ir.Tensor[Any]:
    """A constant tensor from a number, nested lists or a numpy array."""
    made: np.ndarray[Any, Any] = np.asarray(values)
    return ir.Tensor(made.astype(dtype.numpy()), dtype=dtype)
