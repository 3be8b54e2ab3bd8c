"""The steps that the pages show are programs: each has the type that is shown beside it."""

from __future__ import annotations

import re

import pytest

import archdsl
from archdsl.ops.contract import Op
from archdsl.ops.page import _tensors, examples, spelled
from archdsl.ops.registry import all_ops
from archdsl.source import Source

SYMBOL = re.compile(r"\b[A-Z]\b")
BOUND = re.compile(r"(?<=[\[ ])[A-Z](?=[,\]])")


def programs(one: type[Op]) -> list[str]:
    """Each example as a block; one whose symbols stand in expressions alone has no header that would bind them."""
    made = []
    for example, (step, _, _) in zip([each for each in one.examples if spelled(one, each)], examples(one), strict=True):
        words = _tensors(one, example)
        pairs = zip(words, [text for text in example.inputs if text], strict=True)
        inputs = {word.split("=")[-1]: text for word, text in pairs if text.endswith("]")} or {"unused": "[]"}
        bound = set(BOUND.findall(" ".join(inputs.values())))
        if set(SYMBOL.findall(" ".join([step, *inputs.values(), *example.outputs]))) - bound:
            continue
        header = ", ".join(f"{name}: {text}" for name, text in inputs.items())
        facts = [f"require {fact}" for fact in example.facts]
        sent = f"({', '.join(words)}) -> " if one.layer and len(words) > 1 else ""
        body = "; ".join([*facts, f"{sent}one: {step}" if one.layer else step])
        made.append(f"block Shown({header}) -> {', '.join(example.outputs)} {{ {body} }}\narch Whole(x: [N]) {{ relu }}\n")
    return made


@pytest.mark.parametrize("one", all_ops(), ids=lambda one: one.name)
def test_the_examples_have_the_types_that_are_shown(one: type[Op]) -> None:
    for text in programs(one):
        found = [
            each for each in archdsl.load(Source("page.arch", text)).check() if each.code not in ("unused-value", "dropped-flow")
        ]
        assert not found, f"{text}\n{archdsl.ArchError(found)}"
