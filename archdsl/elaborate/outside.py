"""What is said from outside of an arch: values of its configuration, and which of its inputs are given."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dtype import DTYPES
from archdsl.elaborate import lookup
from archdsl.elaborate.origin import same_origin
from archdsl.elaborate.program import Module, headers, whole
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import BlockWord, DType
from archdsl.ir.graph import Graph
from archdsl.problems.collector import Problems


def value_of(session: Session, module: Module, value: object) -> Any:
    """A configuration value from outside: lists become lists of the language, a word may name a layer."""
    if isinstance(value, (list, tuple)):
        return tuple(value_of(session, module, one) for one in value)
    if isinstance(value, str):
        found = lookup.item_value(session, module, value, whole(module.source)) or lookup.builtin(value)
        return value if found is None or isinstance(found, (DType, int, float)) and value not in DTYPES else found
    return value


def optional_inputs_of(module: Module, name: str) -> list[str]:
    """The names of an arch's inputs that may be left out, in the order of the header."""
    word = lookup.item_value(Session(Problems()), module, name, whole(module.source))
    return left_out(word) if isinstance(word, BlockWord) else []


def optional_inputs(graph: Graph) -> list[str]:
    """The same of a graph as it was elaborated, without any of them; of another graph none, for it says which it takes."""
    origin = same_origin(graph)
    return [] if origin is None or origin.given else left_out(origin.word)


def left_out(word: BlockWord) -> list[str]:
    """The names of the inputs that may be left out."""
    return [one.name for one in headers(word.item)[1] if one.default is not None]
