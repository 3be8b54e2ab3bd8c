"""Conversions: everything goes to its place once, comes back bit for bit, and what would be another function is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdsl.files.tensors import Held
from archdsl.problems.problem import ArchError
from archdsl.source import Source
from archdsl.weights.converting import convert
from archdsl.weights.reading import parse_map
from tests.weights.conftest import held, owned

RANDOM = np.random.default_rng(3)
QKV = """
[rename]
"blocks.{i}.norm.{leaf}" = "layer{i}.ln.{leaf}"

[[rule]]
from = ["blocks.{i}.q", "blocks.{i}.k", "blocks.{i}.v"]
to = "layer{i}.qkv"
steps = [{ transpose = [1, 0] }, { concatenate = 0, parts = [2, 1, 1] }]
"""


def draw(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def theirs() -> dict[str, np.ndarray]:
    return {
        name: one
        for i in (0, 1)
        for name, one in {
            f"blocks.{i}.q": draw(4, 8), f"blocks.{i}.k": draw(4, 4), f"blocks.{i}.v": draw(4, 4),
            f"blocks.{i}.norm.weight": draw(4), f"blocks.{i}.norm.bias": draw(4),
        }.items()
    }  # fmt: skip


def ours(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    made = {}
    for i in (0, 1):
        made[f"layer{i}.qkv"] = np.concatenate([tensors[f"blocks.{i}.{one}"].T for one in "qkv"])
        made |= {f"layer{i}.ln.{leaf}": tensors[f"blocks.{i}.norm.{leaf}"] for leaf in ("weight", "bias")}
    return made


def codes(fault: pytest.ExceptionInfo[ArchError]) -> set[str]:
    return {one.code for one in fault.value.problems}


def test_there_and_back(through) -> None:
    given_ = theirs()
    wanted = ours(given_)
    made = through(QKV, owned(wanted), given_)
    assert made.keys() == wanted.keys()
    assert all(np.array_equal(made[name], one) for name, one in wanted.items())
    back = through(QKV, owned(wanted), made, backwards=True)
    assert back.keys() == given_.keys()
    assert all(np.array_equal(back[name], one) for name, one in given_.items())


@given(st.data())
def test_what_is_taken_away_or_changed_is_told(data: st.DataObject) -> None:
    tensors = theirs()
    own = owned(ours(tensors))
    name = data.draw(st.sampled_from(sorted(tensors)))
    how = data.draw(st.sampled_from(["missing", "shape", "type", "extra"]))
    found = {key: held(one) for key, one in tensors.items()}
    if how == "missing":
        del found[name]
    elif how == "extra":
        found[f"{name}2"] = found[name]
    elif how == "shape":
        found[name] = held(np.zeros((*tensors[name].shape, 2), np.float32))
    else:
        found[name] = held(np.zeros(tensors[name].shape, np.int64))
    with pytest.raises(ArchError) as fault:
        convert(parse_map(Source("map.toml", QKV)), own, found, "file")
    assert codes(fault) == {"weights-do-not-fit"}


def test_bits_survive_whatever_they_mean() -> None:
    """NaN with a payload, and types that numpy does not know."""
    data = memoryview(RANDOM.integers(0, 255, 64, dtype=np.uint8).tobytes())
    map = parse_map(
        Source("m", '[[rule]]\nfrom = "a"\nto = "b"\nsteps = [{ rearrange = "(h d) i -> (d h) i", sizes = { h = 2 } }]')
    )
    for dtype, width in (("F32", 4), ("BF16", 2), ("F8_E4M3", 1)):
        one = Held(dtype, (4, 16 // width), data)
        own = owned({"b": np.zeros(one.shape, np.float32)})
        there = convert(map, own, {"a": one}, "file").tensors["b"]
        assert (there.dtype, there.shape) == (dtype, one.shape)
        back = convert(map, own, {"b": Held(dtype, one.shape, memoryview(bytes(there.make())))}, "file", True).tensors["a"]
        assert bytes(back.make()) == bytes(data)


TIED = '[rename]\n"wte" = "emb"\n"head" = "out"\n'


def test_a_tied_tensor_needs_one_of_its_names(through) -> None:
    x = draw(3, 2)
    own = owned({"emb": x, "out": x}, (("emb", "out"),))
    for name in ("wte", "head"):
        made = through(TIED, own, {name: x})
        assert np.array_equal(made["emb"], x)
        assert np.array_equal(made["out"], x)
    back = through(TIED, own, {"emb": x}, backwards=True)
    assert back.keys() == {"wte", "head"}


def test_two_values_for_a_tied_tensor_are_refused(through) -> None:
    own = owned({"emb": draw(3, 2), "out": draw(3, 2)}, (("emb", "out"),))
    for given_, backwards in (({"wte": draw(3, 2), "head": draw(3, 2)}, False), ({"emb": draw(3, 2), "out": draw(3, 2)}, True)):
        with pytest.raises(ArchError) as fault:
            through(TIED, own, given_, backwards)
        assert codes(fault) == {"weights-not-as-claimed"}


def drop(*more: str) -> str:
    return "\n".join(['[rename]\n"a" = "a"\n[[drop]]\nname = "b"\nbecause = "so"', *more])


def test_learned_numbers_are_not_dropped_in_silence(through) -> None:
    x = draw(3)
    own = owned({"a": x})
    with pytest.raises(ArchError) as fault:
        through(drop(), own, {"a": x, "b": draw(3)})
    assert "another" in fault.value.problems[0].message()
    assert through(drop('equals = "a"'), own, {"a": x, "b": x}).keys() == {"a"}
    assert through(drop("value = 0"), own, {"a": x, "b": np.zeros(3, np.float32)}).keys() == {"a"}
    assert through(drop(), own, {"a": x, "b": np.arange(3)}).keys() == {"a"}
    assert through(drop('output = "pooled"'), own, {"a": x, "b": draw(3)}).keys() == {"a"}
    for claim in ('equals = "a"', "value = 0"):
        with pytest.raises(ArchError) as fault:
            through(drop(claim), own, {"a": x, "b": draw(3)})
        assert codes(fault) == {"weights-not-as-claimed"}


def test_a_causal_mask_is_dropped_where_it_is_one(through) -> None:
    x = draw(3)
    mask = np.tril(np.ones((4, 4), np.float32))
    for one, fits in ((mask, True), (mask[None, None], True), (mask.T, False), (mask * 2, False), (draw(4), False)):
        given_ = {"a": x, "b": np.ascontiguousarray(one)}
        if fits:
            assert through(drop('value = "causal"'), owned({"a": x}), given_).keys() == {"a"}
        else:
            with pytest.raises(ArchError) as fault:
                through(drop('value = "causal"'), owned({"a": x}), given_)
            assert codes(fault) == {"weights-not-as-claimed"}


def test_copies_return_and_the_rest_is_told() -> None:
    x = draw(3)
    own = owned({"a": x})
    for claim, names, notes in (('equals = "a"', {"a", "b"}, 0), ("", {"a"}, 1)):
        made = convert(parse_map(Source("m", drop(claim))), own, {"a": held(x)}, "file", True)
        assert made.tensors.keys() == names
        assert len(made.notes) == notes


FILL = '[rename]\n"a" = "a"\n[[fill]]\nname = "{}"\nvalue = {}\nbecause = "so"'


def test_constants_are_filled_and_checked_on_the_way_back(through) -> None:
    x = draw(3)
    own = owned({"a": x, "bias": x})
    made = through(FILL.format("bias", "0"), own, {"a": x})
    assert np.array_equal(made["bias"], np.zeros(3, np.float32))
    assert through(FILL.format("bias", "0"), own, made, True).keys() == {"a"}
    with pytest.raises(ArchError) as fault:
        through(FILL.format("bias", "0"), own, {"a": x, "bias": x}, True)
    assert codes(fault) == {"weights-not-as-claimed"}
    with pytest.raises(ArchError) as fault:
        through(FILL.format("bias", '"spec"'), own, {"a": x})
    assert "learned" in fault.value.problems[0].message()


def test_a_configuration_that_makes_another_function_is_refused(through) -> None:
    x = draw(3)
    text = '[configuration]\neps = 1e-12\n[rename]\n"a" = "a"'
    assert through(text, owned({"a": x}, eps=1e-12), {"a": x})
    for own, code in ((owned({"a": x}, eps=1e-5), "weights-do-not-fit"), (owned({"a": x}), "bad-weight-map")):
        with pytest.raises(ArchError) as fault:
            through(text, own, {"a": x})
        assert codes(fault) == {code}


SUM = '[[rule]]\nfrom = ["bias_ih", "bias_hh"]\nto = "bias"\nsteps = [{ sum = true }, { reorder = [1, 0] }]'


def test_summed_biases_say_what_cannot_return() -> None:
    one, two = draw(4), draw(4)
    own = owned({"bias": one})
    made = convert(parse_map(Source("m", SUM)), own, {"bias_ih": held(one), "bias_hh": held(two)}, "file")
    total = np.frombuffer(bytes(made.tensors["bias"].make()), np.float32)
    assert np.array_equal(total, (one + two)[[2, 3, 0, 1]])
    assert "cannot return" in made.notes[0]
    back = convert(parse_map(Source("m", SUM)), own, {"bias": held(total)}, "file", True)
    assert np.array_equal(np.frombuffer(bytes(back.tensors["bias_ih"].make()), np.float32), one + two)
    assert not any(bytes(back.tensors["bias_hh"].make()))
    assert "zeros" in back.notes[0]


def test_a_type_that_is_not_added_up_is_told() -> None:
    half = Held("BF16", (4,), memoryview(bytes(8)))
    with pytest.raises(ArchError) as fault:
        convert(parse_map(Source("m", SUM)), owned({"bias": draw(4)}), {"bias_ih": half, "bias_hh": half}, "file")
    assert codes(fault) == {"weights-do-not-fit"}


@pytest.mark.parametrize(
    "text",
    [
        "[", "a = 1", "rename = 1", "[rename]\na.b = 'c'", "[[rule]]", "[[rule]]\nfrom = 'a'", "rule = 1", "spec = 1",
        "[[rule]]\nfrom = ['a', 'a']\nto = ['b', 'c']", "[[rule]]\nfrom = 'a'\nto = 'b'\nsteps = 1", "configuration = 1",
        "[[rule]]\nfrom = 'a'\nto = 'b'\nsteps = [{}]", "[[drop]]\nname = 'a'", "[[drop]]\nname = 'a'\nbecause = ''",
        "[[drop]]\nname = 'a'\nbecause = 'b'\nvalue = 'c'", "[[fill]]\nname = 'a'\nbecause = 'b'", "[[rule]]\nto = 'b'",
        "[[rule]]\nfrom = 'a.{i}'\nto = 'b'", "[[rule]]\nfrom = ['a', 'b']\nto = ['c', 'd']\nsteps = [{ split = 0 }]",
        "[[drop]]\nname = 'a'\nequals = 'b.{i}'\nbecause = 'c'", "[rename]\n'a.{i:1..2}' = 'b.{i:2..3}'", "a = " + "[" * 5000,
        "[[drop]]\nname = 1\nbecause = 'c'", "[[rule]]\nfrom = 'a'\nto = 'b'\nscale = 2",
        "[[drop]]\nname = 'a'\nbecause = 'c'\noutput = 1",
    ],
)  # fmt: skip
def test_a_map_that_says_nothing_sensible_is_a_problem(text: str) -> None:
    with pytest.raises(ArchError) as fault:
        parse_map(Source("map.toml", text))
    assert codes(fault) == {"bad-weight-map"}
    assert all(one.at.end <= len(text) for one in fault.value.problems)


def test_two_rules_for_a_name_are_refused(through) -> None:
    with pytest.raises(ArchError) as fault:
        through('[rename]\n"a.{i}" = "b.{i}"\n"{j}.0" = "c.{j}"', owned({"b.0": draw(2)}), {"a.0": draw(2)})
    assert any("line 2" in one.message() for one in fault.value.problems)
    with pytest.raises(ArchError) as fault:
        through('[rename]\n"a.{i}" = "b.{i}"\n"c.{i}" = "b.{i}"', owned({"b.0": draw(2)}), {"a.0": draw(2), "c.0": draw(2)})
    assert any("filled twice" in one.message() for one in fault.value.problems)
