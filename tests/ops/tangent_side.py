"""An example's tangents: the rewritten graph, built and run, beside `torch.func.jvp` of PyTorch's own function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from archdsl.dims.shape import TensorType
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph, Output
from archdsl.ir.value import Number
from archdsl.ir.verify import verify
from archdsl.ops.checks import FLOATS
from archdsl.ops.contract import Op
from archdsl.records import changed
from archdsl.tangents.rewrite import Mask, Tangents
from archdsl.tangents.trace import NoTangent
from archdsl.targets.torch.module import build
from tests.ops.cases import Case, case_of, evaluate, symbols_in
from tests.ops.torch_side import Program, random_state

NEAR = 1e-12


def check_tangents(op: type[Op]) -> None:
    """Every example's tangents are PyTorch's; an operator without a rule says why, or has nothing to differentiate."""
    for example in op.examples:
        try:
            check_tangent(case_of(op, example))
        except NoTangent:
            assert op.no_tangent, f"{op.name} has no tangent rule and does not say why"


def graph_of(case: Case, env: dict[str, int]) -> Graph:
    """The example as a graph; with numbers for its symbols where a layer, or no tensor, would have to tell them."""
    types, op, raw, facts = case.types, case.op, case.raw, case.context.facts
    shown = symbols_in(tuple(one for one, given in zip(types, raw, strict=True) if isinstance(given, TensorType)))
    if op.layer or set(case.symbols) - shown:
        types = tuple(evaluate(one, env) for one in types)
        raw = tuple(evaluate(one, env) for one in raw)
        op = op.changed(**{name: evaluate(value, env) for name, value in op.items()})
        facts = None
    builder = Builder("Example", facts=facts)
    operands = [
        builder.input(f"x{index}", type) if isinstance(one, TensorType) else type and Number(one, type)
        for index, (one, type) in enumerate(zip(raw, types, strict=True))
    ]
    made = builder.layer("layer", op, *operands) if op.layer else builder.op(op, *operands)
    return builder.finish(list(made) if isinstance(made, tuple) else [made])


def masks(graph: Graph) -> Iterator[Mask]:
    """All float inputs at once, then each by itself."""
    floats = tuple(one.type.dtype in FLOATS for one in graph.input_values)
    if any(floats):
        yield floats
    if sum(floats) > 1:
        for at in (index for index, one in enumerate(floats) if one):
            yield tuple(index == at for index in range(len(floats)))


def as_arch(graph: Graph) -> Graph:
    """The graph as a program of its own."""
    outputs = tuple(Output(f"y{index}", one.value) for index, one in enumerate(graph.outputs))
    return changed(graph, kind="arch", outputs=outputs)


def check_tangent(case: Case) -> None:
    """The tangents of the rewritten graph are those of PyTorch in float64. Raises `NoTangent` where there is no rule."""
    env = next(case.environments())
    program = Program(case, env, torch.float64)
    state = random_state(program.module)
    program.load(state)
    inputs = program.tensors(case.arrays(env))
    graph = graph_of(case, env)
    inputs = [one.double() if type.type.dtype == "float" else one for one, type in zip(inputs, graph.input_values, strict=True)]
    make = torch.Generator().manual_seed(3)
    along = [torch.randn(one.shape, generator=make, dtype=torch.float64).to(one.dtype) for one in inputs]
    for mask in masks(graph):
        made = Tangents().graph(graph, mask)
        assert not verify(made.graph), (str(case), list(map(str, verify(made.graph))), str(made.graph))
        wanted = reference(program, inputs, along, mask)
        got = ours(made.graph, state, inputs, along, mask)
        results, tangents = got[: len(made.outputs)], iter(got[len(made.outputs) :])
        near(program.run(list(inputs)), results, f"{case}: result")
        found = [next(tangents) if has else None for has in made.outputs]
        for index, (one, right) in enumerate(zip(found, wanted, strict=True)):
            if right is not None:
                left = torch.zeros_like(right) if one is None else one
                near([right], [left], f"{case}, tangents of {mask}, result {index}\n{made.graph}")


def ours(graph: Graph, state: dict[str, np.ndarray], inputs: list[Any], along: list[Any], mask: Mask) -> list[Any]:
    """What the built graph gives."""
    module = build(as_arch(graph), dtype=torch.float64).double().eval()
    if state:
        module.load_state_dict({f"layer.{name}": torch.from_numpy(value) for name, value in state.items()})
    given = [*inputs, *(one for one, has in zip(along, mask, strict=True) if has)]
    with torch.no_grad():
        made = module(*given)
    return list(made) if isinstance(made, tuple) else [made]


def reference(program: Program, inputs: list[Any], along: list[Any], mask: Mask) -> list[Any]:
    """PyTorch's tangents of the float results; where it has no forward rule, its Jacobian times the tangents."""
    given = [one for one, has in zip(inputs, mask, strict=True) if has]
    vectors = [one for one, has in zip(along, mask, strict=True) if has]
    floats: list[bool] = []

    def function(*some: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rest = iter(some)
        results = program.run([next(rest) if has else one for one, has in zip(inputs, mask, strict=True)])
        floats[:] = [one.is_floating_point() for one in results]
        return tuple(one for one in results if one.is_floating_point())

    function(*given)
    if not any(floats):
        return [None for _ in floats]
    try:
        _, made = torch.func.jvp(function, tuple(given), tuple(vectors))
    except (NotImplementedError, RuntimeError):
        made = tuple(
            sum((rate * v).sum(tuple(range(rate.ndim - v.ndim, rate.ndim))) for rate, v in zip(rates, vectors, strict=True))
            for rates in torch.autograd.functional.jacobian(function, tuple(given))
        )
    tangents = iter(made)
    return [next(tangents) if one else None for one in floats]


def near(wanted: list[Any], got: list[Any], what: str) -> None:
    """Equal to 1e-12, relative or absolute."""
    for right, left in zip(wanted, got, strict=True):
        assert left.shape == right.shape, f"{what}: {left.shape} and {right.shape}"
        assert left.dtype == right.dtype, f"{what}: {left.dtype} and {right.dtype}"
        if right.is_floating_point():
            assert torch.allclose(left, right, rtol=NEAR, atol=NEAR, equal_nan=True), f"{what}: {left} and {right}"
