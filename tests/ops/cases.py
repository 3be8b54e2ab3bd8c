"""Worked examples made ready to run: symbols get numbers, inputs get values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from archdsl.dims.dim import Dim
from archdsl.dims.facts import Facts
from archdsl.dims.read import read_fact, read_size, read_type
from archdsl.dims.shape import TensorType, simplify_type
from archdsl.ops.contract import Context, Example, Op, OpFault, Refusal

PRIMES = (3, 5, 2, 7, 11, 13, 1)
NUMPY = {"float": "float32", "f64": "float64", "f32": "float32", "f16": "float16", "i64": "int64", "i32": "int32", "i16": "int16",
         "i8": "int8", "u8": "uint8", "bool": "bool"}  # fmt: skip

Input = TensorType | int | float | bool | Dim | None
"""What an example's input is: a tensor, a number or size standing where a tensor does, or nothing."""


def read_input(text: str) -> Input:
    """`i64[B, T]`, `2.5`, `true`, `H // 2`, or `` for an absent one."""
    if not text:
        return None
    if "[" in text:
        return read_type(text)
    if text in ("true", "false"):
        return text == "true"
    try:
        return read_size(text)
    except ValueError:
        return float(text)


def facts_of(texts: tuple[str, ...]) -> Facts:
    """The facts that an example states."""
    facts = Facts()
    for text in texts:
        left, sign, right = read_fact(text)
        if divided := re.fullmatch(r"(.+)%(.+)== 0", text):
            facts = facts.and_divisible(read_size(divided[1]), read_size(divided[2]))
        elif sign == "==":
            facts = facts.and_equal(left, right)
        elif sign in ("<=", ">="):
            facts = facts.and_at_most(*((left, right) if sign == "<=" else (right, left)))
        else:
            facts = facts.and_less(*((left, right) if sign == "<" else (right, left)))
    return facts


def evaluate(value: Any, env: dict[str, int]) -> Any:
    """The value with every symbol in it replaced by its number."""
    if isinstance(value, Dim):
        return value.evaluate(env)
    if isinstance(value, tuple):
        return tuple(evaluate(one, env) for one in value)
    if isinstance(value, TensorType):
        return TensorType(evaluate(value.shape, env), value.dtype)
    return value


def symbols_in(value: Any) -> set[str]:
    """The symbols of a configuration value, a type, or a tuple of such."""
    if isinstance(value, Dim):
        return set(value.symbols)
    if isinstance(value, TensorType):
        return symbols_in(value.shape)
    return set().union(*map(symbols_in, value)) if isinstance(value, tuple) else set()


@dataclass
class Case:
    """One example of an operator, with its operator bound to the (symbolic) input types."""

    op: Op
    example: Example
    raw: tuple[Input, ...]
    types: tuple[TensorType | None, ...]
    outputs: tuple[TensorType, ...]
    context: Context
    documented: tuple[TensorType, ...]

    def __str__(self) -> str:
        return f"{self.op} on {', '.join(self.example.inputs)}{f' ({self.example.note})' if self.example.note else ''}"

    @property
    def symbols(self) -> list[str]:
        """Its symbols, sorted."""
        return sorted(symbols_in((self.types, self.raw, self.outputs, tuple(value for _, value in self.op.items()))))

    def environments(self) -> Iterator[dict[str, int]]:
        """Numbers for the symbols that keep the facts and leave no output empty: first primes, then all ones."""
        names = [name for name in self.symbols if name not in self.example.bind]
        for chosen in _choices(len(names)):
            env = {**self.example.bind, **dict(zip(names, chosen, strict=True))}
            if self.holds(env):
                yield env
                break
        else:
            raise AssertionError(f"{self}: no numbers for {names} keep its facts; give `bind`")
        ones = {**self.example.bind, **dict.fromkeys(names, 1)}
        if names and ones != env and self.holds(ones) and self.numbers(ones) is not None:
            yield ones

    def numbers(self, env: dict[str, int]) -> tuple[TensorType, ...] | None:
        """The result's types where the symbols are numbers from the start; None where the operator refuses these."""
        made, _, _, context = ready(type(self.op), self.example)
        types = [evaluate(one, env) for one in self.types]
        try:
            numbers = made.changed(**{name: evaluate(value, env) for name, value in made.items()})
            return tuple(numbers.bind(context, *types).infer(context, *types))
        except OpFault:
            return None

    def holds(self, env: dict[str, int]) -> bool:
        """The facts hold there, and every size that is not written as 0 is at least 1."""
        for text in self.example.facts:
            left, sign, right = read_fact(text)
            a, b = evaluate(left, env), evaluate(right, env)
            if not {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]:
                return False
        return all(not isinstance(size, Dim) or evaluate(size, env) >= 1
                   for one in (*self.types, *self.outputs, *self.documented) if one for size in one.shape)  # fmt: skip

    def arrays(self, env: dict[str, int], seed: int = 0) -> list[np.ndarray | None]:
        """Values for its tensors, floats as float64 that float32 holds exactly; None for numbers and absent inputs."""
        rng = np.random.default_rng(seed)
        return [self.draw(index, evaluate(one, env), env, rng) if isinstance(one, TensorType) else None
                for index, one in enumerate(self.raw)]  # fmt: skip

    def draw(self, index: int, type: TensorType, env: dict[str, int], rng: np.random.Generator) -> np.ndarray:
        low, high = self.example.values.get(index, (None, None))
        low, high = (env[one] if isinstance(one, str) else evaluate(one, env) for one in (low, high))
        if type.dtype == "bool":
            return np.asarray(rng.random(type.shape) < 0.6)
        if type.dtype in ("i64", "i32", "i16", "i8", "u8"):
            low = (0 if type.dtype == "u8" else -4) if low is None else low
            return np.asarray(rng.integers(low, 9 if high is None else high, type.shape)).astype(NUMPY[type.dtype])
        if low == -math.inf:  # every kind of number a float can be
            drawn = rng.choice([1.5, -0.25, 0.0, math.inf, -math.inf, math.nan], type.shape)
        else:
            drawn = rng.standard_normal(type.shape) * 1.5 if low is None else rng.uniform(low, high, type.shape)
        return np.asarray(drawn, dtype=np.float32).astype(np.float64)


def _choices(count: int) -> Iterator[tuple[int, ...]]:
    yield (PRIMES * 4)[:count]
    if count <= 4:
        yield from permutations(PRIMES, count)
    for value in range(2, 40):
        yield (value,) * count
    if count:
        for first in (8, 12, 16, 24, 32, 48):
            for rest in (2, 3, 4, 6, 8, 12, 16):
                for at in range(count):
                    yield tuple(first if index == at else rest for index in range(count))


def _dtype_of_numbers(raw: tuple[Input, ...]) -> str:
    """The dtype that numbers take, as the elaborator has it: that of the tensor beside them, unless it is a mask."""
    dtypes = [one.dtype for one in raw if isinstance(one, TensorType)]
    numbers = [one for one in raw if one is not None and not isinstance(one, TensorType)]
    beside = [one for one in dtypes if one != "bool"]
    if beside:
        return beside[0]
    if all(isinstance(one, bool) for one in numbers):
        return "bool"
    return "float" if any(isinstance(one, float) for one in numbers) else "i64"


def ready(op: type[Op], given: Example | Refusal) -> tuple[Op, tuple[Input, ...], tuple[TensorType | None, ...], Context]:
    """The operator with the example's arguments, and its inputs as the elaborator hands them over."""
    args = dict(given.args)
    for name, value in args.items():
        if isinstance(value, str) and op.fields[name].kind.startswith("size"):
            args[name] = read_size(value)
    raw = tuple(read_input(text) for text in given.inputs)
    fixed = [name for name in op.tensors if not name.startswith("*")]
    raw += (None,) * (len(fixed) - len(raw))
    beside = _dtype_of_numbers(raw)
    types = tuple(
        one if one is None or isinstance(one, TensorType) else TensorType((), "bool" if isinstance(one, bool) else beside)
        for one in raw
    )
    context = Context(facts_of(given.facts))
    if op.floats:
        types = tuple(TensorType(one.shape, "float") if one and one.dtype[0] in "iu" else one for one in types)
    return op(**args), raw, types, context


def case_of(op: type[Op], example: Example) -> Case:
    """The example with its operator bound and its result inferred."""
    made, raw, types, context = ready(op, example)
    facts = context.facts
    bound = made.bind(context, *types)
    outputs = tuple(simplify_type(facts, one) for one in bound.infer(context, *types))
    documented = tuple(simplify_type(facts, read_type(text)) for text in example.outputs)
    return Case(bound, example, raw, types, outputs, context, documented)
