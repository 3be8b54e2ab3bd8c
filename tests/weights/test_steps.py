"""Each step does what numpy does, tells the shape of what it makes, and its inverse undoes it bit for bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from einops import rearrange
from hypothesis import given
from hypothesis import strategies as st

from archdsl.ops.reshape.patterns import read
from archdsl.weights.reading_steps import read_step
from archdsl.weights.steps import Concatenate, Rearrange, Reorder, Split, Step, StepFault, Sum, Transpose


def there_and_back(step: Step, arrays: list[np.ndarray]) -> list[np.ndarray]:
    made = step.run(arrays, "F64")
    assert step.shapes([one.shape for one in arrays]) == [one.shape for one in made]
    back = step.backwards().run(made, "F64")
    assert step.backwards().shapes([one.shape for one in made]) == [one.shape for one in arrays]
    for one, other in zip(back, arrays, strict=True):
        assert np.array_equal(one, other)
    return made


def numbered(*shape: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + int(np.prod(shape)), dtype=np.float64).reshape(shape)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_transpose(axes: tuple[int, ...]) -> None:
    x = numbered(2, 3, 4)
    (made,) = there_and_back(Transpose(axes), [x])
    assert np.array_equal(made, np.transpose(x, axes))


@given(st.permutations(range(4)), st.integers(0, 1))
def test_gates_are_reordered(blocks: list[int], axis: int) -> None:
    x = numbered(8, 12)
    (made,) = there_and_back(Reorder(tuple(blocks), axis), [x])
    gates = np.split(x, 4, axis)
    assert np.array_equal(made, np.concatenate([gates[block] for block in blocks], axis))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3), st.integers(-2, 1))
def test_parts_are_joined_and_cut(parts: list[int], unit: int, axis: int) -> None:
    shape = [5, 5]
    arrays = []
    for part in parts:
        shape[axis] = part * unit
        arrays.append(numbered(*shape, start=100 * len(arrays)))
    (made,) = there_and_back(Concatenate(tuple(parts), axis), arrays)
    assert np.array_equal(made, np.concatenate(arrays, axis))
    there_and_back(Split(tuple(parts), axis), [made])


@pytest.mark.parametrize(
    "pattern, sizes",
    [
        ("(h three d) i -> (three h d) i", {"h": 2, "three": 3}),
        ("o i -> i o", {}),
        ("o i -> o i 1 1", {}),
        ("(h two d) ... -> (h d two) ...", {"h": 2, "two": 2}),
        ("(a b) c -> b 1 (c a)", {"b": 4, "c": 5}),
    ],
)
def test_rearrange_is_that_of_einops(pattern: str, sizes: dict[str, int]) -> None:
    x = numbered(24, 5)
    (made,) = there_and_back(Rearrange(read(pattern, "rearrange"), tuple(sizes.items())), [x])
    assert np.array_equal(made, rearrange(x, pattern, **sizes))


def test_biases_are_summed_and_the_first_gets_the_sum_back() -> None:
    one, two = numbered(4), numbered(4, start=7)
    (made,) = Sum(2).run([one.view(np.uint64), two.view(np.uint64)], "F64")
    assert np.array_equal(made.view(np.float64), one + two)
    back = Sum(2).backwards().run([made], "F64")
    assert np.array_equal(back[0].view(np.float64), one + two)
    assert not back[1].any()


@pytest.mark.parametrize(
    "step, shapes",
    [
        (Transpose((1, 0)), [(2, 3, 4)]),
        (Reorder((1, 0)), [(3, 2)]),
        (Reorder((1, 0), 2), [(2, 2)]),
        (Concatenate((1, 1)), [(2, 2), (3, 2)]),
        (Concatenate((1, 1)), [(2, 2), (2, 3)]),
        (Concatenate((1, 1)), [(2, 2), (2,)]),
        (Concatenate((1, 1)), [(2, 2)]),
        (Concatenate((1, 1), 3), [(2, 2), (2, 2)]),
        (Concatenate((1,)), [()]),
        (Split((2, 1)), [(4, 2)]),
        (Split((2, 1)), [(3, 2), (3, 2)]),
        (Sum(2), [(2,), (3,)]),
        (Sum(2), [(2, 2), (2, 2)]),
        (Rearrange(read("a b -> b a", "rearrange")), [(2,)]),
        (Rearrange(read("(a b) c -> a b c", "rearrange"), (("a", 3),)), [(4, 2)]),
        (Rearrange(read("(a b) c -> a b c", "rearrange")), [(6, 2)]),
    ],
)
def test_shapes_that_do_not_fit_are_told(step: Step, shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(StepFault):
        step.shapes(shapes)


def test_the_sizes_of_steps_may_be_configuration() -> None:
    step = read_step({"concatenate": 0, "parts": ["heads", "kv", "kv"]}, 3, 1, {"heads": 4, "kv": 2})
    assert step == Concatenate((4, 2, 2), 0)
    assert isinstance(read_step({"rearrange": "(h d) i -> (d h) i", "sizes": {"h": "heads"}}, 1, 1, {"heads": 4}), Rearrange)


@pytest.mark.parametrize(
    "table",
    [
        {}, {"scale": 2}, {"transpose": [1, 1]}, {"transpose": 1}, {"transpose": [1, 0], "axis": 0}, {"concatenate": "a"},
        {"concatenate": 0, "parts": [1]}, {"concatenate": 0, "parts": [1, "width"]}, {"concatenate": 0, "parts": [1, 0]},
        {"concatenate": 0, "split": 0}, {"reorder": [0, 2]}, {"sum": 2}, {"rearrange": "a b -> a"}, {"rearrange": 1},
            {"rearrange": "(a b) c -> b (c a)", "sizes": {"b": 2}},
        {"rearrange": "a -> a", "sizes": 1}, {"reorder": [0, 1], "axis": True}, {"transpose": ["0", "1"]},
    ],
)  # fmt: skip
def test_steps_that_are_none_are_told(table: dict[str, object]) -> None:
    with pytest.raises(StepFault):
        read_step(table, 2, 1, {})
