"""What numbers and strings mean, within the language's limits."""

from __future__ import annotations

import math
import re

from archdsl.source import Span
from archdsl.syntax.fault import Fault

MAX_STRING_BYTES = 4096
MAX_INT = (1 << 63) - 1
_MAX_DIGITS = 19
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}
_ESCAPE = re.compile(r"\\.")


def int_value(span: Span) -> int:
    """The value of a whole number; a `Fault` above int64."""
    digits = span.text.replace("_", "").lstrip("0")
    if not digits.isdecimal():
        return 0
    if len(digits) > _MAX_DIGITS or int(digits) > MAX_INT:
        raise Fault("NumberTooLarge", at=span, limit=f"whole numbers go to {MAX_INT:_}")
    return int(digits)


def float_value(span: Span) -> float:
    """The value of a number with a point or an exponent; a `Fault` where no float is near it."""
    text = span.text.replace("_", "")
    value = float(text)
    if math.isinf(value):
        raise Fault("NumberTooLarge", at=span, limit="numbers go to about 1.8e308")
    if value == 0.0 and re.search("[1-9]", re.split("[eE]", text)[0]):
        raise Fault("NumberTooSmall", at=span)
    return value


def string_value(span: Span) -> str:
    """The characters of a quoted string, escapes resolved; a `Fault` for a bad escape or above the limit."""
    text = span.text
    if len(text) > MAX_STRING_BYTES or len(text.encode("utf-8", "replace")) > MAX_STRING_BYTES:
        raise Fault("StringTooLong", at=span, limit=MAX_STRING_BYTES)
    inner = text[1:-1] if len(text) > 1 and text[-1] == text[0] else text[1:]
    if "\\" not in inner:
        return inner
    for match in _ESCAPE.finditer(inner):
        if match.group() not in _ESCAPES:
            start = span.start + 1 + match.start()
            raise Fault("BadEscape", at=Span(span.source, start, start + 2), escape=match.group())
    return _ESCAPE.sub(lambda match: _ESCAPES[match.group()], inner)
