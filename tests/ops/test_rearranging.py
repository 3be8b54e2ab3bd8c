"""Einops patterns, indexing and reshaping against independent references: einops, NumPy, PyTorch run on drawn cases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import einops
import pytest
import torch

from archdsl.dims.facts import Facts
from archdsl.dims.read import read_type
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Along, Code, Context, Op, OpFault
from archdsl.ops.index.indexing import Index
from archdsl.ops.product.einsum import Einsum
from archdsl.ops.reshape.expand import Expand
from archdsl.ops.reshape.rearrange import Rearrange, Reduce
from archdsl.ops.reshape.reshape import Reshape
from archdsl.targets.torch import tape as torch_tape

CONTEXT = Context(Facts())


def run(op: Op, *tensors: torch.Tensor) -> torch.Tensor:
    """The operator's own PyTorch line, executed; the type it infers is checked on the way."""
    types = tuple(TensorType(tuple(one.shape)) for one in tensors)
    outputs = op.bind(CONTEXT, *types).infer(CONTEXT, *types)
    tape = torch_tape.Tape(types, outputs, torch_tape.Surroundings(dtype=str, device=str, let=lambda code, hint: code))
    names = {f"x{index}": one for index, one in enumerate(tensors)}
    result: torch.Tensor = eval(op.torch(tape, *map(Code, names)), {"torch": torch, **names})
    assert tuple(result.shape) == outputs[0].shape
    return result


def side(random: random.Random, names: list[str]) -> list[list[str]]:
    """The names dealt into axes, some of them composed, some of size 1."""
    groups: list[list[str]] = []
    for name in names:
        if groups and groups[-1] and random.random() < 0.35:
            groups[-1].append(name)
        else:
            groups.append([name])
        if random.random() < 0.12:
            groups.append([])
    return groups


def text(random: random.Random, groups: list[list[str]]) -> str:
    said = []
    for group in groups:
        bare = len(group) == 1 and random.random() < 0.8
        said.append(group[0] if bare else f"({' '.join(group)})" if group else random.choice(["1", "()"]))
    return " ".join(said)


def drawn(seed: int, verb: str) -> tuple[str, torch.Tensor, dict[str, int]]:
    """A pattern, an input and the sizes that must be given."""
    random_ = random.Random(seed)
    names = [f"a{index}" for index in range(random_.randint(1, 5))]
    sizes = {name: random_.randint(1, 3) for name in names}
    target = random_.sample(names, len(names))
    if verb == "reduce":
        target = target[: random_.randint(0, len(target))]
    source = random_.sample(target, random_.randint(1, len(target))) if verb == "expand" else names
    left, right = side(random_, source), side(random_, target)
    given = {name: sizes[name] for group in left for name in group[1:]}
    given.update({name: sizes[name] for name in target if name not in source})
    shape = []
    for group in left:
        size = 1
        for name in group:
            size *= sizes[name]
        shape.append(size)
    torch.manual_seed(seed)
    return f"{text(random_, left)} -> {text(random_, right)}", torch.randn(shape, dtype=torch.float64), given


@pytest.mark.parametrize("seed", range(150))
def test_rearrange_is_einops(seed: int) -> None:
    pattern, x, given = drawn(seed, "rearrange")
    assert torch.equal(run(Rearrange(pattern=pattern, sizes=tuple(given.items())), x), einops.rearrange(x, pattern, **given))


@pytest.mark.parametrize("seed", range(100))
def test_reduce_is_einops(seed: int) -> None:
    pattern, x, given = drawn(seed, "reduce")
    how = ("max", "mean", "min", "prod", "sum")[seed % 5]
    wanted = einops.reduce(x, pattern, how, **given)
    torch.testing.assert_close(run(Reduce(pattern=pattern, reduction=how, sizes=tuple(given.items())), x), wanted)


@pytest.mark.parametrize("seed", range(100))
def test_expand_is_einops(seed: int) -> None:
    pattern, x, given = drawn(seed, "expand")
    assert torch.equal(run(Expand(sizes=(pattern,), named=tuple(given.items())), x), einops.repeat(x, pattern, **given))


@pytest.mark.parametrize("pattern", ["... h d -> h (...) d", "b ... -> ... b", "a ... (b c) -> (c a) ... b", "(...) -> ..."])
def test_ellipsis_is_einops(pattern: str) -> None:
    for rank in (3, 4, 5):
        x = torch.randn([2, 3, 4, 5, 6][:rank])
        given = {"b": 2} if "(b c)" in pattern else {}
        if pattern.startswith("(...)"):
            with pytest.raises(OpFault):
                run(Rearrange(pattern=pattern), x)
            continue
        if given and x.shape[-1] % 2:
            x = torch.cat((x, x), dim=-1)
        assert torch.equal(run(Rearrange(pattern=pattern, sizes=tuple(given.items())), x), einops.rearrange(x, pattern, **given))


@pytest.mark.parametrize(("pattern", "part"), [
    ("b (c (d)) -> b c d", "("), ("b c) -> b c", ")"), ("b (c -> b c", "("), ("b b -> b", "b"), ("b c -> b c d", "d"),
    ("b c -> b", "c"),
    ("b c -> c -> b", "->"), ("b % -> b", "%"), ("b (... c) -> b c", "..."), ("b 3 -> b 3", "3"), ("b 0 -> b", "0"),
    ("... b ... -> b", "..."),
])  # fmt: skip
def test_faults_of_patterns_have_their_place(pattern: str, part: str) -> None:
    with pytest.raises(OpFault) as caught:
        Rearrange(pattern=pattern).infer(CONTEXT, read_type("[6, 8]"))
    assert caught.value.code == "bad-pattern"
    assert caught.value.offset is not None
    start, end = caught.value.offset
    assert pattern[start:end] == part


def test_a_composed_axis_that_does_not_divide_has_its_place() -> None:
    with pytest.raises(OpFault) as caught:
        Rearrange(pattern="b t (h d) -> b h t d", sizes=(("h", 3),)).infer(CONTEXT, read_type("[B, T, D]"))
    assert (caught.value.code, caught.value.missing) == ("unproved-dimension", "D % 3 == 0")
    assert caught.value.offset == (4, 9)


def items(random_: random.Random, shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Parts of an index into that shape that stay within it."""
    stop = random_.randint(0, len(shape))
    for axis, size in enumerate(shape):
        if random_.random() < 0.2:
            yield ("none",)
        if axis == stop:
            yield ("ellipsis",)
            return
        if random_.random() < 0.3:
            yield ("int", random_.randint(-size, size - 1))
            continue
        first = random_.randint(0, size - 1)
        last = random_.randint(first + 1, size)
        start = random_.choice([first, first - size, *([None] if first == 0 else [])])
        end = random_.choice([last, *([last - size] if last < size else [None])])
        yield ("slice", start, end, random_.choice([None, 1, 2, 3]))


@pytest.mark.parametrize("seed", range(120))
def test_index_is_numpy(seed: int) -> None:
    random_ = random.Random(seed)
    x = torch.randn([random_.randint(1, 5) for _ in range(random_.randint(1, 4))])
    parts = tuple(items(random_, tuple(x.shape))) or (("ellipsis",),)
    kinds = {"none": lambda: None, "ellipsis": lambda: Ellipsis, "int": int, "slice": slice}
    wanted = x.numpy()[tuple(kinds[part[0]](*part[1:]) for part in parts)]
    assert run(Index(parts=parts), x).numpy().tolist() == wanted.tolist()


@pytest.mark.parametrize("seed", range(60))
def test_what_survives_a_reshape_keeps_its_positions(seed: int) -> None:
    random_ = random.Random(seed)
    shape = [random_.choice([1, 2, 2, 3]) for _ in range(4)]
    groups = list(shape)
    at = random_.randint(0, 2)
    groups[at : at + 2] = [groups[at] * groups[at + 1]]
    op, x = Reshape(sizes=tuple(groups)), torch.arange(torch.Size(shape).numel()).reshape(shape)
    for axis in range(4):
        types = TensorType(tuple(shape)), TensorType(tuple(groups))
        reach = op.reach(0, axis, types[:1], types[1:])
        if isinstance(reach, Along):
            for position in range(shape[axis]):
                moved = run(op, x).select(reach.axis, position)
                assert sorted(moved.flatten().tolist()) == sorted(x.select(axis, position).flatten().tolist())


@pytest.mark.parametrize(
    "pattern", ["b i, b i -> b", "in out, b in -> out b", "a a b -> b", "x y, y z, z -> x", "... q k, ... k -> ... q"]
)
def test_einsum_of_words(pattern: str) -> None:
    sizes = {"b": 2, "i": 3, "in": 4, "out": 5, "a": 3, "x": 2, "y": 3, "z": 4, "q": 3, "k": 2}
    left, right = pattern.split("->")
    names = list(sizes)
    tensors, operands = [], []
    for term in left.split(","):
        tensors.append(
            torch.randn([1 for word in term.split() if word == "..."] + [sizes[word] for word in term.split() if word != "..."])
        )
        operands += [tensors[-1], [Ellipsis if word == "..." else names.index(word) for word in term.split()]]
    wanted = torch.einsum(*operands, [Ellipsis if word == "..." else names.index(word) for word in right.split()])
    torch.testing.assert_close(run(Einsum(pattern=pattern), *tensors), wanted)
