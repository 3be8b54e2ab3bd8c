"""Invariants of scans: slices, carries, captured values, yields and finals fit the body."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.invariants.finding import Said, View, invariant, type_of, types_text


@invariant
def scans_count_their_parts(view: View) -> Said:
    """A scan has an axis for each scanned tensor, an axis for each yield, finals that are carries, and gives something."""
    for place, node in view.nodes():
        scan = node.scan
        if scan is None:
            continue
        if not scan.axes or scan.carries < 0 or scan.yields < 0:
            yield place, "a scan walks at least one tensor", node.span
        if len(scan.yield_axes) != scan.yields:
            yield place, f"{scan.yields} yields have {len(scan.yield_axes)} axes", node.span
        if any(not 0 <= index < scan.carries for index in scan.finals):
            yield place, f"the finals {list(scan.finals)} are carries of {scan.carries}", node.span
        if scan.until and scan.yields:
            yield place, "a scan with `until` gives finals only", node.span
        if len(node.results) != scan.yields + len(scan.finals):
            yield place, f"{scan.yields} yields and {len(scan.finals)} finals make {len(node.results)} results", node.span
        if len(node.operands) < len(scan.axes) + scan.carries:
            yield (
                place,
                f"{len(scan.axes)} scanned tensors and {scan.carries} carries need more than {len(node.operands)} operands",
                node.span,
            )
        if len(scan.body.input_values) != len(node.operands):
            yield place, f"the body takes {len(scan.body.input_values)} values, and gets {len(node.operands)}", node.span
        outputs = scan.carries + scan.yields + scan.until
        if len(scan.body.outputs) != outputs:
            yield place, f"the body gives {len(scan.body.outputs)} values, and {outputs} are needed", node.span


@invariant
def scanned_axes_have_the_length(view: View) -> Said:
    """Every scanned axis exists and has the scan's length."""
    for place, node in view.nodes():
        for one, axis in zip(node.operands, node.scan.axes if node.scan is not None else (), strict=False):
            type = type_of(one)
            if type is None or not 0 <= axis < type.rank:
                yield place, f"there is no axis {axis} in {type}", node.span
            elif node.scan is not None and not view.facts.equal(type.shape[axis], node.scan.length):
                yield place, f"axis {axis} of {type} has not the length {node.scan.length}", node.span


@invariant
def bodies_take_slices_carries_and_captures(view: View) -> Said:
    """A body's inputs are the slices (without the scanned axis), the carries and the captured values, with their types."""
    for place, node in view.nodes():
        if node.scan is None:
            continue
        wanted: list[TensorType | None] = []
        for index, one in enumerate(node.operands):
            type = type_of(one)
            if type is not None and index < len(node.scan.axes):
                axis = node.scan.axes[index]
                type = TensorType((*type.shape[:axis], *type.shape[axis + 1 :]), type.dtype)
            wanted.append(type)
        given = [one.type for one in node.scan.body.input_values]
        if len(given) == len(wanted) and not all(b is not None and view.same(a, b) for a, b in zip(given, wanted, strict=True)):
            yield place, f"the body takes {types_text(given)}, and gets {types_text(wanted)}", node.span


@invariant
def carries_keep_their_types(view: View) -> Said:
    """The next value of a carry has the carry's type; the condition of `until` is one bool."""
    for place, node in view.nodes():
        scan = node.scan
        if scan is None:
            continue
        old = [one.type for one in scan.body.input_values][len(scan.axes) : len(scan.axes) + scan.carries]
        new = scan.body.output_types[: scan.carries]
        if len(old) == len(new) and not all(map(view.same, old, new)):
            yield place, f"the carries are {types_text(old)} and become {types_text(new)}", node.span
        if scan.until and scan.body.outputs and scan.body.output_types[-1] != TensorType((), "bool"):
            yield place, f"`until` is {scan.body.output_types[-1]}", node.span


@invariant
def scans_give_stacked_yields_and_finals(view: View) -> Said:
    """The results are the yields, stacked at their axes, then the carries that are final."""
    for place, node in view.nodes():
        scan = node.scan
        if scan is None or len(scan.body.outputs) != scan.carries + scan.yields + scan.until:
            continue
        outputs = scan.body.output_types
        types: list[TensorType] = []
        for one, axis in zip(outputs[scan.carries :], scan.yield_axes, strict=False):
            if not 0 <= axis <= one.rank:
                yield place, f"{one} is stacked at axis {axis}", node.span
                return
            types.append(TensorType((*one.shape[:axis], scan.length, *one.shape[axis:]), one.dtype))
        types += [outputs[index] for index in scan.finals if 0 <= index < scan.carries]
        given = [one.type for one in node.results]
        if len(given) == len(types) and not all(map(view.same, given, types)):
            yield place, f"the results are {types_text(given)}, and the scan gives {types_text(types)}", node.span
