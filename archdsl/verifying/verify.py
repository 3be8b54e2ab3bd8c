"""The proof: every product of an arch beside the live module in float64, output by output, at several sizes."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from archdsl.analyses.sizes import number
from archdsl.ir.graph import Graph
from archdsl.passes.deployment.widening import halves, in_float
from archdsl.passes.scans.choose import fast_scans
from archdsl.problems.problem import ArchError
from archdsl.targets.agreement import compare
from archdsl.targets.torch.module import build
from archdsl.verifying.bindings import Binding, choose_bindings
from archdsl.verifying.report import Check, Report
from archdsl.verifying.sides import NotHere, Run, apply, compiled_run, from_file, module_run, onnx_run
from archdsl.verifying.values import DTYPES, draw_inputs, randomise, widened

GRADIENTS = 1e-9
"""How far gradients in float64 may be apart, in units of the largest (at least 1)."""

FEW = 3
"""So many optional inputs are given in all combinations."""

Product = TypeVar("Product")


class Spec(Protocol):
    """What is verified: `archdsl.compiler.Spec`."""

    def graph(self, name: str | Graph | None = None, /, **config: Any) -> Graph: ...

    def source(self, name: str | Graph | None = None, /, **config: Any) -> str: ...

    def build(self, name: str | Graph | None = None, /, **config: Any) -> nn.Module: ...

    def optional(self, name: str | Graph | None = None, /) -> list[str]: ...


def verify(
    spec: Spec, name: str | Graph | None = None, *, compile: bool = False, seed: int = 0, bind: Mapping[str, int] | None = None,
    given: Iterable[str] | None = None, scan: str = "auto", **config: Any,
) -> Report:  # fmt: skip
    """Compare the live module, its source from a file, ONNX Runtime and, with `compile`, `torch.compile(fullgraph=True)`.

    Parameters and running statistics are random from `seed`. Every symbolic dimension is tried at its least value, at a prime and
    at a larger one, unless `bind` fixes it. Outputs agree by criterion C (DESIGN.md section 9), and their shapes and dtypes are
    those that the graph declares; the gradients of module and source agree in float64. `scan` is the form of scans. A module that
    finds out in each call which optional inputs it has is called in every way, and each time compared with the module of that way
    alone; `given` fixes one way. Raises `ArchError` for a program with errors, ValueError where no sizes fit.
    """
    form = {**config} if scan == "auto" else {**config, "scan": scan}
    one_way = given is not None or not spec.optional(name)
    ways = {tuple(given or ()): spec.graph(name, given=tuple(given or ()), **config)} if one_way else ways_of(spec, name, config)
    first, graph = next(iter(ways.items()))
    bindings = choose_bindings(graph, bind)
    report = Report(graph.name, seed)
    module = spec.build(name, seed=seed, **form, **({"given": first} if one_way else {})).eval()
    randomise(module, seed)
    with tempfile.TemporaryDirectory(prefix="archdsl-") as folder:
        place = Path(folder)
        printed = {**form, "given": first} if one_way else form
        fresh = _made(lambda: from_file(spec.source(name, **printed), graph, place, module))
        other = copy.deepcopy(fresh).double() if isinstance(fresh, nn.Module) and not halves(graph) else None
        for way, graph in ways.items():
            alone = module if len(ways) == 1 else with_weights(spec.build(name, given=way, **form), module)
            runs: dict[str, Run | str] = {"module": module_run(module, graph)}
            runs["source"] = module_run(fresh, graph) if isinstance(fresh, nn.Module) else fresh
            if compile:
                runs["compiled"] = compiled_run(module, graph)
            if way == first:
                plain = fast_scans(graph, solving=False) if scan == "auto" else graph
                runs["onnx"] = _made(partial(onnx_run, plain, alone, place))
            exact = in_double(alone, graph)
            told = f" with {', '.join(way)}" if way and not one_way else ""
            for index, binding in enumerate(bindings if way == first else choose_bindings(graph, bind)[-1:]):
                inputs = draw_inputs(graph, binding, seed + index)
                _forward(report, graph, binding, inputs, runs, (alone, exact), told)
                if other is not None:
                    _gradients(report, graph, binding, widened(inputs, graph), exact, other, told)
    return report


def ways_of(spec: Spec, name: str | Graph | None, config: Mapping[str, Any]) -> dict[tuple[str, ...], Graph]:
    """The ways of calling a module that the program takes, each with its graph: all sets of optional inputs where they are few,
    else none of them, each, and all. Raises `ArchError` where there is none."""
    names = spec.optional(name)
    counts = range(len(names) + 1) if len(names) <= FEW else (0, 1, len(names))
    found: dict[tuple[str, ...], Graph] = {}
    fault: ArchError | None = None
    for way in (one for count in counts for one in combinations(names, count)):
        try:
            found[way] = spec.graph(name, given=way, **config)
        except ArchError as raised:  # one that is no refusal of the call is told when the module is made
            fault = fault or raised
    if fault is not None and not found:
        raise fault
    return found


def in_double(module: nn.Module, graph: Graph) -> nn.Module:
    """The module in float64; of a program in half precision the same steps, all in float64."""
    if not halves(graph):
        return copy.deepcopy(module).double()
    return with_weights(build(in_float(graph), dtype=torch.float64), module)


def with_weights(alone: nn.Module, module: nn.Module) -> nn.Module:
    """The module of one way of calling, with the weights of the one for all ways."""
    state = module.state_dict()
    alone.load_state_dict({key: state[key] for key in alone.state_dict()})
    return alone.eval()


def _made(make: Callable[[], Product]) -> Product | str:
    """A product, or why there is none: one that cannot be made is a finding, not the end."""
    try:
        return make()
    except NotHere as reason:
        return str(reason)
    except Exception as fault:
        return _told(fault)


def _told(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return f"{type(fault).__name__}: {lines[0] if lines else ''}"


def _forward(
    report: Report, graph: Graph, binding: Binding, inputs: Mapping[str, Tensor], runs: Mapping[str, Run | str],
    alone: tuple[nn.Module, nn.Module], told: str,
) -> None:  # fmt: skip
    """Every output of every product, beside those of the module that is called in this way `alone`, in its own float type and in
    float64; `told` is the way in words."""
    try:
        near, true = (module_run(one, graph)(given) for one, given in zip(alone, (inputs, widened(inputs, graph)), strict=True))
    except Exception as fault:
        report.checks.append(Check("module", "run", binding, reason=_told(fault)))
        return
    kept = [one for one in graph.outputs if not one.training]
    for product, run in runs.items():
        try:
            results = run if isinstance(run, str) else run(inputs)
        except Exception as fault:
            results = _told(fault)
        if isinstance(results, str) or len(results) != len(kept):
            reason = results if isinstance(results, str) else f"gives {len(results)} outputs of {len(kept)}"
            report.checks.append(Check(product, "run", binding, reason=reason))
            if product == "module":
                return
            continue
        for one, result, about, wide in zip(kept, results, near, true, strict=True):
            what = f"{one.name or one.value.name}{told}"
            shape = tuple(number(size, binding) for size in one.value.type.shape)
            wanted = str(DTYPES[one.value.type.dtype]).removeprefix("torch.")
            if result.shape != shape or str(result.dtype) != wanted:
                reason = f"gives {result.dtype}{list(result.shape)}, and the graph says {wanted}{list(shape)}"
                report.checks.append(Check(product, what, binding, reason=reason))
                continue
            verdict = compare(result, about, wide)
            report.checks.append(Check(product, what, binding, verdict.distance, verdict.allowed, verdict.reason))


def _gradients(
    report: Report, graph: Graph, binding: Binding, inputs: Mapping[str, Tensor], module: nn.Module, fresh: nn.Module,
    told: str,
) -> None:  # fmt: skip
    """The gradients of parameters and inputs, of module and source, for one random cotangent."""
    try:
        both = [_backward(one, graph, inputs) for one in (module, fresh)]
    except Exception as fault:
        report.checks.append(Check("source", f"gradients{told}", binding, reason=_told(fault)))
        return
    furthest, top = 0.0, 1.0
    for key, one in both[0].items():
        two = both[1].get(key)
        if (one is None) != (two is None):
            report.checks.append(Check("source", f"gradients{told}", binding, reason=f"one side has no gradient for {key}"))
            return
        if one is not None and two is not None and one.numel():
            top = max(top, largest(one))
            if not torch.equal(one, two):
                if not same_pattern(one, two):
                    reason = f"NaN or infinities of {key} stand at other places"
                    report.checks.append(Check("source", f"gradients{told}", binding, reason=reason))
                    return
                furthest = max(furthest, largest(one - two))
    report.checks.append(Check("source", f"gradients{told}", binding, furthest, GRADIENTS * top))


def largest(tensor: Tensor) -> float:
    """The largest magnitude among the finite elements."""
    ends = tensor.aminmax()
    if not (ends.min.isfinite() and ends.max.isfinite()):
        ends = tensor.nan_to_num(0.0, 0.0, 0.0).aminmax()
    return max(abs(float(ends.min)), abs(float(ends.max)))


def same_pattern(one: Tensor, two: Tensor) -> bool:
    """Whether NaN and the infinities stand at the same places."""
    return all(torch.equal(test(one), test(two)) for test in (torch.isnan, torch.isposinf, torch.isneginf))


def _backward(module: nn.Module, graph: Graph, inputs: Mapping[str, Tensor]) -> dict[str, Tensor | None]:
    leaves = {name: one.detach().clone().requires_grad_(one.is_floating_point()) for name, one in inputs.items()}
    module.zero_grad(set_to_none=True)
    make = torch.Generator().manual_seed(0)
    outputs = [one for one in apply(module, graph, leaves) if one.is_floating_point() and one.requires_grad]
    if outputs:
        cotangents = [torch.randn(one.shape, generator=make, dtype=torch.float64).to(one.dtype) for one in outputs]
        torch.autograd.backward(outputs, cotangents)
    found = {name: one.grad for name, one in module.named_parameters()}
    return {**found, **{f"input {name}": one.grad for name, one in leaves.items()}}
