"""Sizes and tensor types from text, by a small parser of their own; no text is ever executed."""

from __future__ import annotations

import re

from archdsl.dims.dim import Size, ceil_div, floor_div, maximum, minimum, modulo, symbol
from archdsl.dims.shape import TensorType

_WORD = r"\s*(?:(?P<number>[0-9][0-9_]*)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\*\*|//|==|!=|<=|>=|[-+*/%(),<>]))"
_NEST = 100


def read_size(text: str) -> Size:
    """The size that `text` says: `(H + 1) // 2`, `max(4*width, 3)`, `ceil(T / 8)`. ValueError where it says none."""
    reader = _Reader(text)
    size = reader.sum()
    reader.end()
    return size


def read_type(text: str) -> TensorType:
    """`i64[B, T]`, `[N, 3, (H + 1) // 2]`, `[]`. ValueError where it is no tensor type."""
    found = re.fullmatch(r"\s*([A-Za-z_][A-Za-z0-9_]*)?\s*\[(.*)\]\s*", text, re.DOTALL)
    if found is None:
        raise ValueError(f"`{text}` is no tensor type")
    inner = found[2].strip()
    if not inner:
        return TensorType((), found[1] or "float")
    reader = _Reader(inner)
    shape = reader.sizes()
    reader.end()
    return TensorType(tuple(shape), found[1] or "float")


def read_fact(text: str) -> tuple[Size, str, Size]:
    """`H % 2 == 0`, `T <= 1024`: the two sides and the comparison between them. ValueError where it is no comparison."""
    reader = _Reader(text)
    left = reader.sum()
    sign = reader.take()
    if sign not in ("==", "!=", "<", "<=", ">", ">="):
        raise ValueError(f"`{text}` is no comparison of sizes")
    right = reader.sum()
    reader.end()
    return left, sign, right


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.at = 0
        self.depth = 0
        place = 0
        word = re.compile(_WORD, re.ASCII)  # here, and kept by `re`: a start that reads no size does not pay for it
        while text[place:].strip():
            found = word.match(text, place)
            if found is None:
                raise ValueError(f"`{text[place:].strip()[0]}` in the size `{text}`")
            self.words.append(found[found.lastgroup or 0])
            place = found.end()

    def peek(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, wanted: str = "") -> str:
        word = self.peek()
        if not word or (wanted and word != wanted):
            came = f"has `{word}`" if word else "ends"
            raise ValueError(f"the size `{self.text}` {came} where {wanted or 'more'} was expected")
        self.at += 1
        return word

    def end(self) -> None:
        if self.peek():
            raise ValueError(f"`{self.peek()}` in the size `{self.text}`")

    def sizes(self) -> list[Size]:
        out = [self.sum()]
        while self.peek() == ",":
            self.take()
            out.append(self.sum())
        return out

    def sum(self) -> Size:
        size = self.product()
        while self.peek() in ("+", "-"):
            sign = self.take()
            other = self.product()
            size = size + other if sign == "+" else size - other
        return size

    def product(self) -> Size:
        size = self.unary()
        while self.peek() in ("*", "//", "%"):
            sign = self.take()
            other = self.unary()
            if other == 0 and sign != "*":
                raise ValueError(f"a division by 0 in the size `{self.text}`")
            size = size * other if sign == "*" else floor_div(size, other) if sign == "//" else modulo(size, other)
        return size

    def unary(self) -> Size:
        self.depth += 1
        if self.depth > _NEST:
            raise ValueError("a size is nested too deeply")
        if self.peek() == "-":
            self.take()
            size = -self.unary()
        else:
            size = self.power()
        self.depth -= 1
        return size

    def power(self) -> Size:
        size = self.atom()
        if self.peek() == "**":
            self.take()
            by = self.unary()
            if not isinstance(by, int) or not 0 <= by <= 64:
                raise ValueError(f"the power `{by}` in the size `{self.text}`")
            result: Size = 1
            for _ in range(by):
                result = result * size
            return result
        return size

    def atom(self) -> Size:
        word = self.take()
        if word == "(":
            size = self.sum()
            self.take(")")
            return size
        if word[0].isdigit():
            return int(word.replace("_", ""))
        if not (word[0].isalpha() or word[0] == "_"):
            raise ValueError(f"`{word}` in the size `{self.text}`")
        if self.peek() != "(":
            return symbol(word)
        return self.call(word)

    def call(self, name: str) -> Size:
        self.take("(")
        if name in ("max", "min"):
            sizes = self.sizes()
            self.take(")")
            return maximum(*sizes) if name == "max" else minimum(*sizes)
        if name not in ("ceil", "floor"):
            raise ValueError(f"`{name}` is no function of sizes")
        above = self.product()
        self.take("/")
        below = self.unary()
        self.take(")")
        if below == 0:
            raise ValueError(f"a division by 0 in the size `{self.text}`")
        return ceil_div(above, below) if name == "ceil" else floor_div(above, below)
