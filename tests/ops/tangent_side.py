"""An example's tangents: the rewritten graph, built and run, beside `torch.func.jvp` of PyTorch's own function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

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
from archdsl.targets.agreement import compare
from archdsl.targets.onnx.model import export
from archdsl.targets.torch.module import build
from tests.ops import onnx_side
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
    graph = graph_of(case, env)
    inputs = inputs_of(program, graph, env)
    along = directions(inputs, 3)
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


def check_derived(op: type[Op]) -> None:
    """Of its first example that has one, the tangent is differentiated again, and is an ONNX model like any other."""
    for example in op.examples:
        case = case_of(op, example)
        env = next(case.environments())
        graph = graph_of(case, env)
        mask = next(masks(graph), ())
        try:
            made = Tangents().graph(graph, mask) if mask else None
        except NoTangent:
            continue
        if made is not None and any(made.outputs):
            program = Program(case, env, torch.float64)
            state = random_state(program.module)
            inputs = inputs_of(program, graph, env)
            along = directions([one for one, has in zip(inputs, mask, strict=True) if has], 3)
            if example.onnx:
                check_onnx(case, made.graph, state, [*inputs, *along])
            check_again(case, made.graph, (*mask, *(True for _ in along)), state, [*inputs, *along])
            return


def inputs_of(program: Program, graph: Graph, env: dict[str, int]) -> list[torch.Tensor]:
    """The example's tensors as the graph takes them: integers where floats are needed are cast before."""
    drawn = program.tensors(program.case.arrays(env))
    return [one.double() if type.type.dtype == "float" else one for one, type in zip(drawn, graph.input_values, strict=True)]


def directions(tensors: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
    """A tangent for each."""
    make = torch.Generator().manual_seed(seed)
    return [torch.randn(one.shape, generator=make, dtype=torch.float64).to(one.dtype) for one in tensors]


def check_onnx(case: Case, graph: Graph, state: dict[str, np.ndarray], inputs: list[torch.Tensor]) -> None:
    """ONNX Runtime agrees under criterion C."""
    narrow = [one.float() if type.type.dtype == "float" else one for one, type in zip(inputs, graph.input_values, strict=True)]
    module = loaded(graph, state)
    with torch.no_grad():
        exact, near_ = tuples(module(*inputs)), tuples(module.float()(*narrow))
    running = onnx_side.session(onnx.load_from_string(export(as_arch(graph), module)))
    feeds = {given.name: one.numpy() for given, one in zip(graph.inputs, narrow, strict=True)}
    kept = [one.name for one in running.get_inputs()]
    for index, result in enumerate(running.run(None, {name: feeds[name] for name in kept})):
        verdict = compare(result, near_[index].numpy(), exact[index].numpy())
        assert verdict, f"{case}: output {index} of the tangents in ONNX Runtime {verdict}\n{graph}"


def check_again(case: Case, graph: Graph, mask: Mask, state: dict[str, np.ndarray], inputs: list[torch.Tensor]) -> None:
    """The tangents of the tangents are PyTorch's of what the first are built to."""
    made = Tangents().graph(graph, mask)
    assert not verify(made.graph), (str(case), list(map(str, verify(made.graph))))
    first, second = loaded(graph, state), loaded(made.graph, state)
    given = tuple(one for one, has in zip(inputs, mask, strict=True) if has)
    along = tuple(directions(list(given), 5))

    def function(*some: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rest = iter(some)
        results = tuples(first(*(next(rest) if has else one for one, has in zip(inputs, mask, strict=True))))
        return tuple(one for one in results if one.is_floating_point())

    with torch.no_grad():
        tangents = iter(tuples(second(*inputs, *along))[len(made.outputs) :])
    found = [next(tangents) if has else None for has in made.outputs]
    floats = [one for one, output in zip(found, graph.outputs, strict=True) if output.value.type.dtype in FLOATS]
    for left, right in zip(floats, derivatives(function, given, along), strict=True):
        wide = torch.zeros_like(right) if left is None else left
        assert torch.allclose(wide, right, rtol=1e-9, atol=1e-9, equal_nan=True), f"{case}: {wide} and {right}"


def loaded(graph: Graph, state: dict[str, np.ndarray]) -> torch.nn.Module:
    """The graph's module in float64, with a layer's state."""
    module = build(as_arch(graph), dtype=torch.float64).double().eval()
    if state:
        module.load_state_dict({f"layer.{name}": torch.from_numpy(value) for name, value in state.items()})
    return module


def tuples(made: Any) -> tuple[torch.Tensor, ...]:
    """A module's results."""
    return tuple(made) if isinstance(made, tuple) else (made,)


def ours(graph: Graph, state: dict[str, np.ndarray], inputs: list[Any], along: list[Any], mask: Mask) -> list[Any]:
    """What the built graph gives."""
    module = loaded(graph, state)
    given = [*inputs, *(one for one, has in zip(along, mask, strict=True) if has)]
    with torch.no_grad():
        return list(tuples(module(*given)))


def reference(program: Program, inputs: list[Any], along: list[Any], mask: Mask) -> list[Any]:
    """PyTorch's tangents of the float results."""
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
    tangents = iter(derivatives(function, tuple(given), tuple(vectors)))
    return [next(tangents) if one else None for one in floats]


def derivatives(
    function: Callable[..., tuple[torch.Tensor, ...]], given: tuple[torch.Tensor, ...], along: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """PyTorch's tangents; where a function has no forward rule, its Jacobian times the tangents."""
    try:
        with sdpa_kernel(SDPBackend.MATH):
            return tuple(torch.func.jvp(function, given, along)[1])
    except (NotImplementedError, RuntimeError):
        return tuple(
            sum((rate * v).sum(tuple(range(rate.ndim - v.ndim, rate.ndim))) for rate, v in zip(rates, along, strict=True))
            for rates in torch.autograd.functional.jacobian(function, given)
        )


def near(wanted: list[Any], got: list[Any], what: str) -> None:
    """Equal to 1e-12, relative or absolute."""
    for right, left in zip(wanted, got, strict=True):
        assert left.shape == right.shape, f"{what}: {left.shape} and {right.shape}"
        assert left.dtype == right.dtype, f"{what}: {left.dtype} and {right.dtype}"
        if right.is_floating_point():
            assert torch.allclose(left, right, rtol=NEAR, atol=NEAR, equal_nan=True), f"{what}: {left} and {right}"
