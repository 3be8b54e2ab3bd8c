"""Selectors: which steps they mean, and what is said where they mean none or cannot be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archdsl
from archdsl.elaborate.editing.selection import Selection
from archdsl.elaborate.editing.selectors import matches, segments_of
from archdsl.ir.graph import Graph
from archdsl.source import Source

NET = """
block Res(width: int)(x: [N, D]) -> [N, D] { skip { fc1: Linear(width); relu; fc2: Linear(D) } }
arch Net(x: [N, 8]) {
  shared f = tied: Linear(8)
  stem: Conv1dless(6)
  a.b: { Linear(6, bias=false); tanh }
  layers: repeat i in 0..3 { Res(4 + i) }
  y = gelu(it + 1)
  head out { relu(y) -> "with": Linear(2) }
}
block Conv1dless(width: int)(x: [N, D]) { Linear(width) }
"""


def graph() -> Graph:
    return archdsl.load(
        Source("net.arch", NET.replace("  shared f = tied: Linear(8)\n", "  shared f = tied: Linear(8)\n  f\n"))
    ).graph()


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("relu", "layers.0.relu layers.1.relu layers.2.relu relu"),
        ("stem", "stem"),
        ("stem.*", "stem.0"),
        ("a.b.Linear", "a.b.Linear"),
        ("a.*.*", "a.b.0 a.b.1"),
        ("layers.1.fc?", "layers.1.fc1 layers.1.fc2"),
        ("layers.[02].fc1", "layers.0.fc1 layers.2.fc1"),
        ("**.fc1", "layers.0.fc1 layers.1.fc1 layers.2.fc1"),
        ("Linear(out_features=5)", "layers.1.fc1"),
        ("Linear & out_features>=5 & ~**.fc2", "tied stem.0 a.b.0 layers.1.fc1 layers.2.fc1"),
        ("Linear and out_features >= 5 and not **.fc2", "tied stem.0 a.b.0 layers.1.fc1 layers.2.fc1"),
        ("bias=false", "a.b.0"),
        ("width=[4]", ""),
        ("Res(width!=4)", "layers.1 layers.2"),
        ("[skip]", "layers.0.skip layers.1.skip layers.2.skip"),
        ("[repeat] | [kind=group]", "a.b layers"),
        ("kind=use", "f"),
        ("kind=shared", "tied"),
        ("block=Res & relu", "layers.0.relu layers.1.relu layers.2.relu"),
        ("relu not in Res", "relu"),
        ("Linear in Res & layers.2.**", "layers.2.fc1 layers.2.fc2"),
        ("Linear in (layers.0 | a)", "a.b.0 layers.0.fc1 layers.0.fc2"),
        ("add & ~[skip]", "add"),
        ("dim=2", "with"),
        ("depth=2 & Linear", "stem.0"),
        ('"with"', "with"),
        ('"layers.1"', "layers.1"),
        ("word=L*r & layers.0.**", "layers.0.fc1 layers.0.fc2"),
    ],
)
def test_what_a_selector_means(selector: str, wanted: str) -> None:
    try:
        found = graph().select(selector)
    except archdsl.ArchError as fault:
        assert not wanted, str(fault)
        assert [one.code for one in fault.problems] == ["nothing-selected"]
        return
    names = {".".join(path) for one in found for path in one.names}
    assert set(wanted.split()) <= names
    assert len(found) == len(wanted.split())


@given(st.text(alphabet="ab*?.[]()&|~ =<>!,\"'inotskpd012_-\\\n", max_size=30))
def test_any_text_is_a_selector_or_a_problem(text: str) -> None:
    try:
        assert len(graph().select(text)) > 0
    except archdsl.ArchError as fault:
        assert {one.code for one in fault.problems} <= {"bad-selector", "nothing-selected"}
        assert str(fault)


@pytest.mark.parametrize("text", ["~" * 300 + "a", "(" * 300 + "a", "a|" * 5000 + "a", "a in " * 400 + "a", "**." * 3000 + "a"])
def test_a_selector_has_bounds(text: str) -> None:
    with pytest.raises(archdsl.ArchError):
        graph().select(text)


@given(st.lists(st.sampled_from(["a", "b", "*", "**"]), max_size=5), st.lists(st.sampled_from(["a", "b"]), max_size=5))
def test_patterns_are_those_of_a_shell(patterns: list[str], path: list[str]) -> None:
    import re

    parts = {"a": "a/", "b": "b/", "*": "[ab]/", "**": "([ab]/)*"}
    wanted = re.fullmatch("".join(parts[one] for one in patterns), "".join(f"{one}/" for one in path)) is not None
    assert matches(segments_of(".".join(patterns)) if patterns else (), tuple(path)) == wanted


def test_algebra_of_selections() -> None:
    net = graph()
    linear, inside, everything = net.select("Linear"), net.select("* in Res | Linear in Res"), net.select()
    assert len(linear & inside) + len(linear - inside) == len(linear)
    assert len(linear | inside) == len(linear) + len(inside - linear)
    assert len(~linear) == len(everything) - len(linear)
    assert list(net.select(layer="Linear", out_features=5)) == list(net.select("Linear(out_features=5)"))
    assert repr(linear).startswith("<Selection of ")
    assert str(linear).splitlines()[0] == f"{len(linear)} steps of Net: Linear"
    with pytest.raises(ValueError, match="two graphs"):
        linear & archdsl.load(Source("other.arch", "arch Net(x: [N, 8]) { relu }")).graph().select("relu")


@pytest.mark.parametrize(
    ("selector", "what", "help"),
    [
        ("rely", "nothing is called `rely`", "did you mean `relu`?"),
        ("fc1", "`fc1` is no word and no label at the top", "`**.fc1`"),
        ("layers.5.fc1", "no label fits `5` in `layers`", "`0`, `1`, `2`"),
        ("layers.1.fc9", "no label fits `fc9` in `layers.1`", "did you mean `layers.1.fc2`?"),
        ("Linear(out_features=9)", "no step has `out_features=9`", "`out_features` is"),
        ("Linear(outfeatures=9)", "no step has an attribute `outfeatures`", "did you mean `out_features`"),
        ("kind=skipp", "no step has `[skipp]`", "did you mean `skip`?"),
        ("relu in Net", "no step is called `Net`", "`block=Net`"),
        ("relu & Linear", "no step is both `relu` and `Linear`", ""),
        ("relu in Linear", "nothing stands inside of `Linear`", ""),
        ("~(relu | ~relu)", "means every step", ""),
    ],
)
def test_what_is_near_is_said(selector: str, what: str, help: str) -> None:
    with pytest.raises(archdsl.ArchError) as caught:
        graph().select(selector)
    (problem,) = caught.value.problems
    assert problem.code == "nothing-selected"
    assert what in problem.message()
    assert help in (problem.help or "")


def test_a_quoted_selector_is_a_path() -> None:
    net = archdsl.load(Source("quoted.arch", 'arch Net(x: [N, 8]) { "relu": Linear(4); relu }')).graph()
    assert [one.word for one in net.select("relu")] == ["Linear", "relu"]
    assert [one.word for one in net.select('"relu"')] == ["Linear"]


def test_what_is_no_text_is_told() -> None:
    net = graph()
    with pytest.raises(TypeError, match="a selector is a text, not 3"):
        net.select(3)
    with pytest.raises(TypeError, match="text of the language, or a function"):
        net.select("relu").replace(3)
    with pytest.raises(TypeError, match="no value of the language"):
        net.select("Linear").set(bias=object())


@pytest.mark.parametrize(
    ("edit", "code", "at"),
    [
        (lambda one: one.replace(""), "bad-piece", ""),
        (lambda one: one.replace("y = relu"), "bad-piece", "y = relu"),
        (lambda one: one.replace("relu("), "unclosed-bracket", "("),
        (lambda one: one.replace("} arch Z(x: [N]) { relu"), "unexpected-token", "arch"),
        (lambda one: one.wrap("Linear(3)"), "bad-piece", "Linear(3)"),
        (lambda one: one.wrap("skip -> relu"), "unexpected-token", "->"),
        (lambda one: one.set(nope=1), "unknown-argument", "nope=1"),
        (lambda one: one.set(bias="1 +"), "unexpected-token", ""),
        (lambda one: one.insert_after("Nope(3)"), "unknown-layer", "Nope"),
        (lambda one: one.unwrap(), "edit-not-possible", "fc1: Linear(width)"),
    ],
)
def test_a_wrong_edit_is_a_problem_in_its_own_text(edit: Callable[[Selection], Graph], code: str, at: str) -> None:
    with pytest.raises(archdsl.ArchError) as caught:
        edit(graph().select("**.fc1"))
    assert str(caught.value)
    problem = next(one for one in caught.value.problems if one.severity == "error")
    assert problem.code == code
    assert at in problem.at.text or problem.at.text in at
