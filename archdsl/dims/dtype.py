"""Element types: their names, kinds and widths, and the program's own float type."""

from __future__ import annotations

from typing import Final

FLOAT: Final = "float"
"""The program's own float type: f32 unless `--dtype` says otherwise."""

_BYTES: Final = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "u8": 1, "bool": 1}
DTYPES: Final = tuple(_BYTES)
"""The concrete dtypes, as the language spells them."""
FLOATS: Final = ("f64", "f32", "f16", "bf16")
INTEGERS: Final = ("i64", "i32", "i16", "i8", "u8")
ELSEWHERE: Final = {
    "double": "f64", "float64": "f64", "float32": "f32", "half": "f16", "float16": "f16", "bfloat16": "bf16", "long": "i64",
    "int64": "i64", "int": "i64", "int32": "i32", "short": "i16", "int16": "i16", "int8": "i8", "byte": "u8", "uint8": "u8",
}  # fmt: skip
"""What PyTorch and NumPy call them."""


def is_dtype(name: str) -> bool:
    """Whether it is a dtype, `float` included."""
    return name in _BYTES or name == FLOAT


def is_float(dtype: str) -> bool:
    """Whether it is a float type, `float` included."""
    return dtype == FLOAT or dtype in FLOATS


def is_integer(dtype: str) -> bool:
    """Whether it is an integer type; `bool` is none."""
    return dtype in INTEGERS


def concrete(dtype: str, program_float: str = "f32") -> str:
    """The dtype with `float` replaced by the program's float type."""
    return program_float if dtype == FLOAT else dtype


def bytes_of(dtype: str, program_float: str = "f32") -> int:
    """Bytes per element. KeyError for what is no dtype."""
    return _BYTES[concrete(dtype, program_float)]


def keeping(a: str, b: str) -> str:
    """Of two dtypes the one whose values keep most of the other's: a float before an integer, then the wider."""
    return max(a, b, key=lambda one: (is_float(one), is_integer(one), one == FLOAT, bytes_of(one)))


def same(a: str, b: str, program_float: str = "f32") -> bool:
    """Whether two dtypes are equal; `float` equals the program's concrete type."""
    return a == b or concrete(a, program_float) == concrete(b, program_float)
