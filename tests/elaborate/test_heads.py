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
