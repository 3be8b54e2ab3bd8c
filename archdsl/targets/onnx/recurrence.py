"""A scan of the language as ONNX's `Scan`, or as a `Loop` where it may stop early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.dims.shape import TensorType
from archdsl.ir.node import Scan
from archdsl.ir.value import Value
from archdsl.targets.onnx.tape import GraphTape

if TYPE_CHECKING:
    from archdsl.targets.onnx.body import Body


def write_scan(around: Body, scan: Scan, operands: list[str]) -> list[str]:
    """The yields, then the finals."""
    if scan.until:
        return _write_loop(around, scan, operands)
    count = len(scan.axes)
    scanned, first, captured = _parts(scan, operands)
    tape = GraphTape({}, float=around.tape.float, outer=around.tape)
    body = around.within(tape)
    slices, carries = _inputs(scan)
    for one in (*carries, *slices):
        body.put(one)
    _capture(body, scan, captured)
    made = body.run(scan.body)
    outputs = [
        tape.output(name, around.shown(one.value.name), one.value.type) for name, one in zip(made, scan.body.outputs, strict=True)
    ]
    backward = int(scan.reverse)
    results = around.tape.nodes(
        "Scan", [*first, *scanned], scan.carries + scan.yields, body=tape.graph("step", outputs), num_scan_inputs=count,
        scan_input_axes=list(scan.axes), scan_input_directions=[backward] * count,
        scan_output_axes=list(scan.yield_axes) or None, scan_output_directions=[backward] * scan.yields or None,
    )  # fmt: skip
    return results[scan.carries :] + [results[index] for index in scan.finals]


def _write_loop(around: Body, scan: Scan, operands: list[str]) -> list[str]:
    """`until`: a step after the first where the condition held is not taken. Such a scan gives finals only."""
    outer = around.tape
    scanned, first, captured = _parts(scan, operands)
    length = outer.size(scan.length)
    tape = GraphTape({}, float=outer.float, outer=outer)
    body = around.within(tape)
    index = tape.names.fresh(around.shown("step"))
    going = tape.names.fresh(around.shown("going"))
    tape.add_input(index, TensorType((), "i64"), index)
    tape.add_input(going, TensorType((), "bool"), going)
    slices, carries = _inputs(scan)
    for one in carries:
        body.put(one)
    position = index
    if scan.reverse:
        last = tape.node("Sub", [length, tape.scalar(1, "i64")])
        position = tape.node("Sub", [last, index])
    for one, tensor, axis in zip(slices, scanned, scan.axes, strict=True):
        body.names[one.name] = tape.node("Gather", [tensor, position], axis=axis)
    _capture(body, scan, captured)
    made = body.run(scan.body)
    more = tape.node("Not", [made[-1]])
    outputs = [tape.output(more, around.shown("more"), TensorType((), "bool"))]
    for name, output in zip(made[: scan.carries], scan.body.outputs, strict=False):
        outputs.append(tape.output(name, around.shown(output.value.name), output.value.type))
    inputs = [length, outer.constant(True, "bool"), *first]
    results = outer.nodes("Loop", inputs, scan.carries, body=tape.graph("step", outputs))
    return [results[one] for one in scan.finals]


def _parts(scan: Scan, operands: list[str]) -> tuple[list[str], list[str], list[str]]:
    """The scanned tensors, the first carries, the captured values."""
    count = len(scan.axes)
    return operands[:count], operands[count : count + scan.carries], operands[count + scan.carries :]


def _inputs(scan: Scan) -> tuple[list[Value], list[Value]]:
    """The body's slices and its carries."""
    values = list(scan.body.input_values)
    count = len(scan.axes)
    return values[:count], values[count : count + scan.carries]


def _capture(body: Body, scan: Scan, captured: list[str]) -> None:
    """What is captured is in scope in the body under its outer name."""
    values = scan.body.input_values[len(scan.axes) + scan.carries :]
    body.names.update(zip((one.name for one in values), captured, strict=True))
