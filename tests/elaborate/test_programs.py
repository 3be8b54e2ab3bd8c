"""Random well-typed programs: accepted, with the type that the generator knows; the module runs at two sizes; their layout is
no matter."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings

from archdsl.compiler import load
from archdsl.source import Source
from archdsl.syntax.format import format_source
from tests.elaborate.programs import programs

ROOMY = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@ROOMY
@given(programs())
def test_they_are_accepted_and_have_their_types(made: tuple[str, tuple[int, ...], tuple[int, ...]]) -> None:
    text, _, end = made
    found = load(Source("net.arch", text))
    assert [one for one in found.check() if one.severity == "error"] == [], text
    assert [str(one) for one in found.graph().outputs[0].value.type.shape] == ["N", *map(str, end)]


@ROOMY
@given(programs())
def test_the_module_gives_that_type_at_two_sizes(made: tuple[str, tuple[int, ...], tuple[int, ...]]) -> None:
    text, start, end = made
    found = load(Source("net.arch", text))
    module = found.build().eval()
    for size in (2, 5):
        assert tuple(module(torch.randn(size, *start)).shape) == (size, *end), text
    keys = [".".join(path) for path, _ in found.graph().tensors()]
    assert set(keys) <= set(module.state_dict())


@ROOMY
@given(programs())
def test_formatting_changes_nothing(made: tuple[str, tuple[int, ...], tuple[int, ...]]) -> None:
    text, _, _ = made
    first, second = load(Source("net.arch", text)), load(Source("net.arch", format_source(Source("net.arch", text))))
    assert first.graph() == second.graph()
