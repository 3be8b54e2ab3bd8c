"""A pattern matches the names that it makes, with the same captures, and no others."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archdsl.weights.patterns import Kind, Matcher, PatternFault, join_kinds, read_pattern


def matcher(text: str) -> Matcher:
    pattern = read_pattern(text)
    return Matcher(pattern, {name: pattern.kinds.get(name, Kind()) for name in pattern.names})


@pytest.mark.parametrize(
    "pattern, name, captures",
    [
        ("a.b", "a.b", {}),
        ("a.b", "axb", None),
        ("blocks.{i}.{leaf}", "blocks.3.weight", {"i": "3", "leaf": "weight"}),
        ("blocks.{i}.{leaf}", "blocks.3.fc.weight", None),
        ("blocks.{rest:**}", "blocks.3.fc.weight", {"rest": "3.fc.weight"}),
        ("layer{s+1}.{i}", "layer4.0", {"s": 3, "i": "0"}),
        ("layer{s+1}.{i}", "layer0.0", None),
        ("f.{2*s+1}", "f.7", {"s": 3}),
        ("f.{2*s+1}", "f.6", None),
        ("f.{2*s-1}", "f.5", {"s": 3}),
        ("f.{s:1..3}", "f.2", {"s": 2}),
        ("f.{s:1..3}", "f.3", None),
        ("f.{s:1..}", "f.0", None),
        ("f.{s:0..}", "f.01", None),
        ("f.{s:0..}", "f.x", None),
        ("f.{leaf:weight|bias}", "f.bias", {"leaf": "bias"}),
        ("f.{leaf:weight|bias}", "f.scale", None),
        ("{a}.{a}", "x.x", {"a": "x"}),
        ("{a}.{a}", "x.y", None),
        ("f.{a}", "f.", None),
        ("f.{a}", "f.\n", {"a": "\n"}),
    ],
)
def test_names_are_matched(pattern: str, name: str, captures: object) -> None:
    assert matcher(pattern).match(name) == captures


@given(st.integers(1, 9), st.integers(-5, 9), st.integers(0, 50))
def test_arithmetic_goes_back(factor: int, offset: int, value: int) -> None:
    assume((factor, offset) != (1, 0))
    one = matcher(f"a{{{factor}*i{offset:+d}}}.b")
    name = one.make({"i": value})
    assert one.match(name) == ({"i": value} if value * factor + offset >= 0 else None)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_fault(text: str) -> None:
    try:
        one = matcher(text)
    except PatternFault:
        return
    assert one.match("a.b") in (None, {}) or one.pattern.holes


@pytest.mark.parametrize(
    "text",
    [
        "", "a{", "a}", "{}", "{i", "{1}", "{i}{j}", "a.{i}_{j}", "{i:**}.a", "{i+1:a|b}", "{i:a|a}", "{i:}", "{0*i}",
        "{i:1..2}.{i:2..3}",
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_told(text: str) -> None:
    with pytest.raises(PatternFault):
        read_pattern(text)


def test_what_two_places_say_of_a_capture_is_joined() -> None:
    whole, some = Kind("whole"), Kind("whole", 1, 4)
    assert join_kinds("i", whole, some) == join_kinds("i", some, whole) == join_kinds("i", None, some) == some
    with pytest.raises(PatternFault):
        join_kinds("i", some, Kind("words", words=("a",)))
