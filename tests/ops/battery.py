"""What every operator must keep to; each check raises AssertionError with what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import INFERRED, REQUIRED, Op, OpFault, Refusal
from archdsl.targets.agreement import compare
from tests.ops import onnx_side
from tests.ops.cases import Case, case_of, evaluate, ready, symbols_in
from tests.ops.torch_side import DTYPES, Program, random_state

CUT = ("stop_gradient", "zeros_like", "ones_like", "full_like")
"""Operators that let no gradient through, by what they mean."""


def cases(op: type[Op]) -> list[Case]:
    """All its examples, bound."""
    return [case_of(op, example) for example in op.examples]


def check_page(op: type[Op]) -> None:
    """It has a docstring of its own, documented arguments, and each argument leaves its default in some example."""
    assert op.__dict__.get("__doc__"), f"{op.name} has no docstring of its own"
    first = str(op.__doc__).strip().splitlines()[0]
    assert first.rstrip()[-1:] in (".", ":"), f"the first line of {op.name} is no sentence: {first!r}"
    assert op.examples, f"{op.name} has no examples"
    assert op.layer == op.name[0].isupper(), f"{op.name}: CamelCase is for layers"
    given = [dict(example.args) for example in op.examples]
    refused = [dict(refusal.args) for refusal in op.refusals]
    for name, field in op.fields.items():
        assert field.doc, f"{op.name}.{name} is not documented"
        if field.default is INFERRED:
            assert any(name in one for one in given + refused), f"{op.name}.{name} is never given by name"
        elif field.default is not REQUIRED:
            left = [one for one in given if name in one and repr(one[name]) != repr(field.default)]
            assert left, f"{op.name}.{name} never leaves its default in an example"
        for choice in field.choices:
            said = choice == field.default or any(one.get(name) == choice for one in given)
            assert said, f"no example of {op.name}({name}={choice!r})"
    if op.tensors:
        assert any(symbols_in(tuple(case.types)) for case in cases(op)), f"no example of {op.name} has a symbolic size"


def check_types(op: type[Op]) -> None:
    """Documented types are those inferred; symbols first and numbers later give what numbers give."""
    for case in cases(op):
        assert case.outputs == case.documented, f"{case}: gives {_types(case.outputs)}, documented is {_types(case.documented)}"
        assert op(**dict(case.op.items())) == case.op, f"{case}: binding changes under copying"
        hash(case.op)
        for env in case.environments():
            later = case.numbers(env)
            first = tuple(evaluate(one, env) for one in case.outputs)
            assert later is not None, f"{case}: takes symbols and refuses {env}"
            assert later == first, f"{case}: with {env} numbers give {_types(later)}, symbols {_types(first)}"


def _types(types: tuple[TensorType, ...]) -> str:
    return ", ".join(map(str, types))


def check_refusals(op: type[Op]) -> None:
    """Every documented refusal happens, with its code."""
    for refusal in op.refusals:
        fault = fault_of(op, refusal)
        assert fault is not None, f"{op.name} does not refuse {refusal}"
        assert fault.code == refusal.code, f"{op.name} {refusal}: gives {fault.code} ({fault.message})"
        assert fault.message.strip(), f"{op.name} {refusal}: says nothing"
        unproved = fault.code == "unproved-dimension"
        assert (fault.missing is not None) == unproved, f"{op.name} {refusal}: missing={fault.missing!r}"


def fault_of(op: type[Op], refusal: Refusal) -> OpFault | None:
    """What the operator says to it, None where it takes it."""
    try:
        made, _, types, context = ready(op, refusal)
        made.bind(context, *types).infer(context, *types)
    except OpFault as fault:
        return fault
    return None


def check_torch(op: type[Op]) -> None:
    """PyTorch's result has the type, the module owns the stated tensors, gradients flow, MACs are the flop counter's."""
    for case in cases(op):
        for turn, env in enumerate(case.environments()):
            wanted = [evaluate(one, env) for one in case.outputs]
            program = Program(case, env, torch.float64)
            state = random_state(program.module)
            if program.module is not None:
                check_parameters(case, program, env)
            program.load(state)
            tensors = program.tensors(case.arrays(env))
            leaves = [one.requires_grad_() for one in tensors if one.is_floating_point()]
            results = program.run(tensors)
            check_results(case, program, results, wanted)
            if not turn:
                check_gradients(case, program, leaves, results)
            check_macs(case, program, env, state)


def check_parameters(case: Case, program: Program, env: dict[str, int]) -> None:
    """Leaf names, shapes, dtypes and order as stated."""
    assert program.module is not None
    buffers = dict(program.module.named_buffers())
    owned = case.op.parameters().items()
    stated = [(name, evaluate(one.shape, env), one.buffer, one.dtype) for name, one in owned if one.persistent]
    kinds = {torch.int64: "i64", torch.int8: "i8", torch.bool: "bool"}
    saved = program.module.state_dict().items()
    real = [(name, tuple(one.shape), name in buffers, kinds.get(one.dtype, "float")) for name, one in saved]
    assert real == stated, f"{case}: the module owns {real}, stated is {stated}"


def check_results(case: Case, program: Program, results: list[torch.Tensor], wanted: list[TensorType]) -> None:
    """Shape and dtype of each."""
    assert len(results) == len(wanted), f"{case}: {len(results)} results for {len(wanted)} types\n{program.source}"
    for one, type in zip(results, wanted, strict=True):
        dtype = program.dtype if type.dtype == "float" else DTYPES[type.dtype]
        real = (tuple(one.shape), one.dtype)
        assert real == (type.shape, dtype), f"{case}: PyTorch gives {real}, inferred is {type}\n{program.source}"


def check_gradients(case: Case, program: Program, leaves: list[torch.Tensor], results: list[torch.Tensor]) -> None:
    """Float results depend on the inputs and all parameters in a way autograd sees, with finite gradients."""
    owned = [one for one in program.module.parameters() if one.requires_grad] if program.module is not None else []
    floats = [one for one in results if one.is_floating_point() and one.numel()]
    if not floats or not (leaves or owned):
        return
    reached = [one for one in floats if one.requires_grad]
    if case.op.name in CUT:
        assert not reached, f"{case}: lets gradients through"
        return
    assert reached, f"{case}: no result has a gradient\n{program.source}"
    sum((one * torch.randn_like(one)).nan_to_num(0.0, 0.0, 0.0).sum() for one in reached).backward()
    for one in [*leaves, *owned]:
        assert one.grad is None or bool(one.grad.isfinite().all()), f"{case}: a gradient is not finite"
    assert all(one.grad is not None for one in owned), f"{case}: a parameter has no gradient"
    assert any(one.grad is not None for one in [*leaves, *owned]), f"{case}: no gradient reaches an input"


def check_macs(case: Case, program: Program, env: dict[str, int], state: dict[str, np.ndarray]) -> None:
    """As many as the flop counter sees, where it sees any."""
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:  # and gradients stay on: what PyTorch fuses it does not count
        program.run(program.tensors(case.arrays(env)))
    stated = evaluate(case.op.macs(case.types, case.outputs), env)
    seen = counter.get_total_flops() / 2
    assert not seen or stated == seen, f"{case}: states {stated} MACs, the flop counter sees {seen:g}"


def check_onnx(op: type[Op]) -> None:
    """The model passes ONNX's own checker in every float type, and ONNX Runtime agrees with PyTorch under criterion C.

    In float64 it is run for one choice of numbers, where ONNX Runtime has kernels for it.
    """
    for case in cases(op):
        if not case.example.onnx:
            continue
        state: dict[str, np.ndarray] | None = None
        for env in case.environments():
            fresh = random_state(Program(case, env, torch.float32).module)
            if state is None:
                state = fresh
                models = {program: onnx_side.build(case, state, program) for program in ("f32", "f64", "f16", "bf16")}
                for model in models.values():
                    onnx.checker.check_model(model, full_check=True)
                running = onnx_side.session(models["f32"])
                double = onnx_side.session_or_none(models["f64"])
                if double is not None:
                    check_agreement(case, env, state, double, "f64")
            elif any(state[name].shape != one.shape for name, one in fresh.items()):
                continue  # its tensors have symbolic sizes: the model was made for other numbers
            check_agreement(case, env, state, running, "f32")


def check_agreement(case: Case, env: dict[str, int], state: dict[str, np.ndarray], session: Any, program: str) -> None:
    """Each output of ONNX Runtime agrees with PyTorch."""
    near, exact = Program(case, env, DTYPES[program]), Program(case, env, torch.float64)
    arrays = case.arrays(env)
    near.load(state)
    exact.load(state)
    with torch.no_grad():
        want = [[one.numpy() for one in side.run(side.tensors(arrays))] for side in (near, exact)]
    got = onnx_side.run(session, case, arrays, env, program)
    for index, (result, one, wide) in enumerate(zip(got, *want, strict=True)):
        verdict = compare(result, one, wide)
        assert verdict, (
            f"{case} with {env} in {program}: output {index} of ONNX Runtime {verdict}\n{result}\n{one}\n{near.source}"
        )


CHECKS = (check_page, check_types, check_refusals, check_torch, check_onnx)
