"""Where heads may stand, and which outputs they make."""

from __future__ import annotations

import pytest

from archdsl.problems.problem import ArchError
from tests.elaborate.reading import spec

TEXT = """
arch Net(aux: bool = true)(x: [N, 8]) -> logits: [N, 3], early: [N, 2] when training {
  if aux { head early when training { one: Linear(2) } }
  { head logits { two: Linear(3) } }
}
"""


@pytest.mark.parametrize(("aux", "names", "owned"), [(True, ["logits", "early"], ["one", "two"]), (False, ["logits"], ["two"])])
def test_heads_stand_in_choices_and_groups(aux: bool, names: list[str], owned: list[str]) -> None:
    graph = spec(TEXT).graph("Net", aux=aux)
    assert [one.name for one in graph.outputs] == names
    assert [path[0] for path, _ in graph.tensors() if path[1] == "weight"] == owned


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("repeat 1 { head y { Linear(2) } }", "misplaced-head"),
        ("skip { head y }", "misplaced-head"),
        ("if true { expect { params == 1 } }", "misplaced-statement"),
    ],
)
def test_not_in_what_runs_many_times_or_beside(body: str, code: str) -> None:
    with pytest.raises(ArchError) as found:
        spec(body).graph("Net")
    assert code in {one.code for one in found.value.problems}


INNER = """
arch Inner(D: int = 8)(x: [N, D]) -> first: [N, 3], second: [N, 2] {
  head second { two: Linear(2) }
  head first { one: Linear(3) }
  expect { params == 45 }
}
arch Net(x: [N, 4]) -> y: [N, 5] {
  a, b = x -> LABEL: Inner(4)
  head y { concat(a, b, axis=-1) }
}
"""


@pytest.mark.parametrize(("label", "prefix"), [("_", ()), ("inner", ("inner",))])
def test_an_arch_is_used_like_a_block_with_a_name_and_without(label: str, prefix: tuple[str, ...]) -> None:
    graph = spec(INNER.replace("LABEL", label)).graph("Net")
    assert [one.name for one in graph.outputs] == ["y"]
    assert {path for path, _ in graph.tensors()} == {
        (*prefix, layer, leaf) for layer in ("one", "two") for leaf in ("weight", "bias")
    }
