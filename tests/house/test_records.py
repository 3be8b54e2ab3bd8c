"""Records keep their promises: made before and after a class gets an `__init__` of its own, all of them can be."""

from __future__ import annotations

import pytest

from archdsl.records import OFTEN, changed, fresh, record
from archdsl.syntax import tree


def pair() -> type:
    @record
    class Pair:
        left: int
        right: int = 2
        more: list[int] = fresh(default_factory=list)

    return Pair


def test_a_record_is_made_the_same_way_before_and_after_its_init_is_compiled() -> None:
    Pair = pair()
    early = [Pair(1), Pair(1, 3), Pair(left=1, right=3), Pair(1, more=[4])]
    for _ in range(OFTEN):
        Pair(0)
    late = [Pair(1), Pair(1, 3), Pair(left=1, right=3), Pair(1, more=[4])]
    assert early == late
    assert late[0].more is not late[1].more
    assert changed(late[1], left=9) == Pair(9, 3)


@pytest.mark.parametrize("before", [0, OFTEN])
def test_wrong_fields_are_refused(before: int) -> None:
    Pair = pair()
    for _ in range(before):
        Pair(0)
    with pytest.raises(TypeError):
        Pair()
    with pytest.raises(TypeError):
        Pair(1, 2, [], 4)
    with pytest.raises(TypeError):
        Pair(1, other=2)
    with pytest.raises(TypeError):
        Pair(1, left=2)
    with pytest.raises(AttributeError):
        Pair(1).left = 3


def test_every_node_of_the_tree_can_be_made_often() -> None:
    for name in tree.__all__:
        kind = getattr(tree, name)
        if isinstance(kind, type) and hasattr(kind, "__match_args__"):
            values = list(range(len(kind.__match_args__)))
            first = kind(*values)
            for _ in range(OFTEN):
                kind(*values)
            assert kind(*values) == first
