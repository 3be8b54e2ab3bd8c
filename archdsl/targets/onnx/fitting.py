"""The weights of a model from those given: each tensor that it reads, once, and everything that does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.dims.dtype import is_float
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Path
from archdsl.targets.onnx.paths import settle
from archdsl.targets.onnx.weights import Held, Weights, WeightsDoNotFit


def fit(graph: Graph, read: Mapping[Path, tuple[str, TensorType]], weights: Weights, dtype: str) -> list[tuple[str, Held]]:
    """The tensors that the model reads, by their names in it. Raises `WeightsDoNotFit` with all that is wrong.

    A tied tensor is looked for under its own key, then under those of its aliases; where several are given they must be equal.
    """
    aliases: dict[Path, list[str]] = {}
    for alias, target in all_ties(graph):
        aliases.setdefault(settle(graph, target), []).append(".".join(alias))
    wrong: list[str] = []
    done: list[tuple[str, Held]] = []
    for path, (shown, type) in read.items():
        own = ".".join(path)
        keys = [key for key in (own, *aliases.get(path, ())) if key in weights]
        fault = misfit(keys, own, type, weights)
        if fault:
            wrong.append(fault)
        else:
            done.append((shown, weights.held(keys[0], type, dtype)))
    if wrong:
        raise WeightsDoNotFit(f"{weights.origin} does not fit {graph.name}:\n" + "\n".join(f"  {one}" for one in wrong))
    return done


def misfit(keys: list[str], own: str, type: TensorType, weights: Weights) -> str:
    """What is wrong with the tensor of these keys; empty where it fits."""
    if not keys:
        return f"{own} {list(type.shape)} is missing"
    for key in keys:
        if weights.shape(key) != type.shape:
            return f"{key} is {list(weights.shape(key))} and must be {list(type.shape)}"
        if weights.is_float(key) != is_float(type.dtype):
            return f"{key} must be of {'a float type' if is_float(type.dtype) else type.dtype}"
    for key in keys[1:]:
        if not weights.equal(keys[0], key):
            return f"{keys[0]} and {key} are one tensor in the model, and differ here"
    return ""


def all_ties(graph: Graph, prefix: Path = ()) -> Iterator[tuple[Path, Path]]:
    """Every alias of a tensor and what it is, with full paths, at any depth of instances."""
    for alias, target in graph.ties.items():
        yield (*prefix, *alias), (*prefix, *target)
    for path, member in graph.members.items():
        if isinstance(member, Call):
            yield from all_ties(member.graph, (*prefix, *path))
