"""The proof: every product of an arch beside the live module in float64, output by output, at several sizes."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from archdsl.ir.graph import Graph
from archdsl.passes.scans.choose import fast_scans
from archdsl.targets.agreement import compare
from archdsl.verifying.bindings import Binding, choose_bindings, number
from archdsl.verifying.report import Check, Report
from archdsl.verifying.sides import NotHere, Run, apply, compiled_run, from_file, module_run, onnx_run
from archdsl.verifying.values import DTYPES, draw_inputs, randomise, widened

GRADIENTS = 1e-9
"""How far gradients in float64 may be apart, in units of the largest (at least 1)."""


Product = TypeVar("Product")


class Spec(Protocol):
    """What is verified: `archdsl.compiler.Spec`."""

    def graph(self, name: str | Graph | None = None, /, **config: Any) -> Graph: ...

    def source(self, name: str | Graph | None = None, /, **config: Any) -> str: ...

    def build(self, name: str | Graph | None = None, /, **config: Any) -> nn.Module: ...


def verify(
    spec: Spec, name: str | Graph | None = None, *, compile: bool = False, seed: int = 0, bind: Mapping[str, int] | None = None,
    given: Iterable[str] = (), scan: str = "auto", **config: Any,
) -> Report:  # fmt: skip
    """Compare the live module, its source from a file, ONNX Runtime and, with `compile`, `torch.compile(fullgraph=True)`.

    Parameters and running statistics are random from `seed`. Every symbolic dimension is tried at its least value, at a prime and
    at a larger one, unless `bind` fixes it. Outputs agree by criterion C (DESIGN.md section 9), and their shapes and dtypes are
    those that the graph declares; the gradients of module and source agree in float64. `scan` is the form of scans. Raises
    `ArchError` for a program with errors, ValueError where no sizes fit.
    """
    more = {**config, "given": tuple(given)}
    graph = spec.graph(name, **more)
    bindings = choose_bindings(graph, bind)
    report = Report(graph.name, seed)
    form = {} if scan == "auto" else {"scan": scan}
    module = spec.build(name, seed=seed, **form, **more).eval()
    randomise(module, seed)
    with tempfile.TemporaryDirectory(prefix="archdsl-") as folder:
        place = Path(folder)
        fresh = _made(lambda: from_file(spec.source(name, **form, **more), graph, place, module))
        runs: dict[str, Run | str] = {"module": module_run(module, graph)}
        runs["source"] = module_run(fresh, graph) if isinstance(fresh, nn.Module) else fresh
        if compile:
            runs["compiled"] = compiled_run(module, graph)
        runs["onnx"] = _made(lambda: onnx_run(fast_scans(graph, solving=False) if scan == "auto" else graph, module, place))
        exact = copy.deepcopy(module).double()
        other = copy.deepcopy(fresh).double() if isinstance(fresh, nn.Module) else None
        for index, binding in enumerate(bindings):
            inputs = draw_inputs(graph, binding, seed + index)
            _forward(report, graph, binding, inputs, runs, exact)
            if other is not None:
                _gradients(report, graph, binding, widened(inputs, graph), exact, other)
    return report


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
    report: Report, graph: Graph, binding: Binding, inputs: Mapping[str, Tensor], runs: Mapping[str, Run | str], exact: nn.Module
) -> None:
    """Every output of every product."""
    try:
        true = module_run(exact, graph)(widened(inputs, graph))
    except Exception as fault:
        report.checks.append(Check("module", "run", binding, reason=_told(fault)))
        return
    kept = [one for one in graph.outputs if not one.training]
    near: list[Any] = []
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
        near = near or results
        for one, result, about, wide in zip(kept, results, near, true, strict=True):
            what = one.name or one.value.name
            shape = tuple(number(size, binding) for size in one.value.type.shape)
            wanted = str(DTYPES[one.value.type.dtype]).removeprefix("torch.")
            if result.shape != shape or str(result.dtype) != wanted:
                reason = f"gives {result.dtype}{list(result.shape)}, and the graph says {wanted}{list(shape)}"
                report.checks.append(Check(product, what, binding, reason=reason))
                continue
            verdict = compare(result, about, wide)
            report.checks.append(Check(product, what, binding, verdict.distance, verdict.allowed, verdict.reason))


def _gradients(
    report: Report, graph: Graph, binding: Binding, inputs: Mapping[str, Tensor], module: nn.Module, fresh: nn.Module
) -> None:
    """The gradients of parameters and inputs, of module and source, for one random cotangent."""
    try:
        both = [_backward(one, graph, inputs) for one in (module, fresh)]
    except Exception as fault:
        report.checks.append(Check("source", "gradients", binding, reason=_told(fault)))
        return
    furthest, top = 0.0, 1.0
    for key, one in both[0].items():
        two = both[1].get(key)
        if (one is None) != (two is None):
            report.checks.append(Check("source", "gradients", binding, reason=f"one side has no gradient for {key}"))
            return
        if one is not None and two is not None and one.numel():
            top = max(top, largest(one))
            if not torch.equal(one, two):
                if not same_pattern(one, two):
                    reason = f"NaN or infinities of {key} stand at other places"
                    report.checks.append(Check("source", "gradients", binding, reason=reason))
                    return
                furthest = max(furthest, largest(one - two))
    report.checks.append(Check("source", "gradients", binding, furthest, GRADIENTS * top))


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
