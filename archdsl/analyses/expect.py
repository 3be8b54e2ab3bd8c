"""Checks what an arch expects of itself: counts, output types, and properties proved by dependence analysis."""

from __future__ import annotations

from typing import Any

from archdsl.analyses import cost
from archdsl.dims.dim import Dim, Size
from archdsl.elaborate import expressions, headers
from archdsl.elaborate.archs import Elaborated, Expectation
from archdsl.elaborate.config import compare
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.lookup import file_frame
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import Session
from archdsl.ir.graph import Graph, Output
from archdsl.problems.problem import Label
from archdsl.problems.suggest import did_you_mean
from archdsl.records import changed
from archdsl.source import Span
from archdsl.syntax import tree

COUNTS = {"params": cost.parameters, "macs": cost.macs, "activations": cost.activations}
PROPERTIES = ("causal", "independent", "equivariant")


def check_expectations(session: Session, made: Elaborated, item: Any) -> None:
    """Check all conditions of an arch's own `expect`, and of a variant's; note what is wrong."""
    for one in conditions_of(session, made, item):
        try:
            check_condition(session, made.graph, one)
        except Fault as fault:
            session.note(fault)
        except Absorbed:
            continue


def conditions_of(session: Session, made: Elaborated, item: Any) -> list[Expectation]:
    """What an arch expects of itself; a variant inherits the properties, never the numbers."""
    conditions = list(made.expectations)
    if isinstance(item, tree.Variant):
        conditions = [one for one in conditions if is_property(one.condition)]
        module = made.expectations[0].module if made.expectations else None
        for statement in item.body.statements if item.body is not None else ():
            if isinstance(statement, tree.Expect):
                conditions.extend(Expectation(one, None, module) for one in statement.conditions)
            else:
                session.note(
                    Fault(problems.MisplacedStatement(at=statement.span, what="the braces of a variant hold `expect` only"))
                )
    return conditions


def is_property(condition: Any) -> bool:
    """Whether a condition is a property of the data flow."""
    return (
        isinstance(condition, tree.Call) and isinstance(condition.function, tree.Name) and condition.function.name in PROPERTIES
    )


def check_condition(session: Session, graph: Graph, one: Expectation) -> None:
    """Check one condition of a graph. Raises `Fault` where it does not hold."""
    condition = one.condition
    if is_property(condition):
        _property(graph, condition)
        return
    if isinstance(condition, tree.Binary) and condition.operator in expressions.COMPARISONS:
        output = output_of(graph, condition.left)
        if output is not None:
            _type(session, graph, output, condition, one)
            return
        left = count(session, graph, condition.left, one)
        right = number(session, condition.right, one)
        _compare(session, graph, condition, left, right)
        return
    fault = bad(condition.span, "an expectation is a comparison of a count or an output's type, or a property")
    name = condition.function.name if isinstance(condition, tree.Call) and isinstance(condition.function, tree.Name) else ""
    near = did_you_mean(name, PROPERTIES)
    raise fault if near is None else Fault(changed(fault.problem, help=near))


def bad(span: Span, what: str) -> Fault:
    """The fault of an expectation that cannot be understood."""
    return Fault(
        problems.BadExpectation(
            at=span,
            what=what,
            help="as in `params == 25_557_032`, `macs(N=1, H=224, W=224) == …`, `logits == [N, 1000]`,"
            " `causal(logits, tokens, axis=1)`",
        )
    )


def _frame(session: Session, one: Expectation) -> Frame:
    if one.module is None:
        from archdsl.elaborate.program import Module

        empty = Module(tree.File(one.condition.span.source, None, (), ()))
        return file_frame(session, empty)
    frame = file_frame(session, one.module)
    frame.scope = Scope(one.scope)
    return frame


def number(session: Session, expr: Any, one: Expectation) -> Any:
    """The value of an expression in an expectation."""
    return expressions.evaluate(_frame(session, one), expr)


def output_of(graph: Graph, expr: Any) -> Output | None:
    """The output that an expression names, if it names one."""
    if isinstance(expr, tree.Name):
        return next((out for out in graph.outputs if out.name == expr.name), None)
    return None


def count(session: Session, graph: Graph, expr: Any, one: Expectation) -> Size:
    """What `params`, `macs(N=1)` and the like come to. Raises `Fault` for a count that does not exist or stays symbolic."""
    name = (
        expr.name
        if isinstance(expr, tree.Name)
        else expr.function.name
        if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name)
        else ""
    )
    if name == "receptive_field":
        return _receptive(graph, expr)
    if name not in COUNTS:
        known = [*COUNTS, "receptive_field", *(out.name or "" for out in graph.outputs)]
        raise Fault(
            problems.BadExpectation(
                at=expr.span, what=f"there is no count or output `{name or expr.span.text}`", help=did_you_mean(name, known)
            )
        )
    total = COUNTS[name](graph)
    values: dict[str, int] = {}
    for arg in expr.args if isinstance(expr, tree.Call) else ():
        value = number(session, arg.value, one)
        if arg.name is None or not isinstance(value, int):
            raise bad(arg.span, "a dimension is bound by name to a whole number: `macs(N=1, H=224, W=224)`")
        known = sorted(_symbols(graph))
        if arg.name not in known:
            raise Fault(
                problems.BadExpectation(
                    at=arg.span,
                    what=f"there is no dimension `{arg.name}`",
                    help=did_you_mean(arg.name, known) or f"there are {', '.join(known)}",
                )
            )
        values[arg.name] = value
    result = cost.bound(total, values)
    if isinstance(result, Dim):
        raise Fault(
            problems.BadExpectation(
                at=expr.span,
                what=f"`{name}` still depends on {', '.join(sorted(result.symbols))}",
                help=f"bind them: `{name}({', '.join(f'{one}=…' for one in sorted({*values, *result.symbols}))})`",
            )
        )
    return result


def _symbols(graph: Graph) -> set[str]:
    found: set[str] = set()
    for value in graph.input_values:
        for size in value.type.shape:
            if isinstance(size, Dim):
                found |= size.symbols
    return found


def _compare(session: Session, graph: Graph, condition: tree.Binary, left: Any, right: Any) -> None:
    if compare(graph.facts, condition.operator, left, right, condition.span) is not True:
        told = f"{left:,}" if isinstance(left, int) else str(left)
        raise Fault(
            problems.ExpectationFailed(
                at=condition.span,
                what=f"`{condition.left.span.text}` is {told}, not {condition.operator} {condition.right.span.text}"
                if condition.operator != "=="
                else f"`{condition.left.span.text}` is {told}, and {condition.right.span.text} is expected",
                help=f"write {left:_}" if isinstance(left, int) and condition.operator == "==" else None,
            )
        )


def _type(session: Session, graph: Graph, output: Output, condition: tree.Binary, one: Expectation) -> None:
    right = condition.right
    if condition.operator != "==" or not isinstance(right, (tree.List, tree.Index)):
        raise bad(condition.span, "an output is compared with a type: `logits == [N, 1000]`")
    items = right.items
    dtype = right.value.name if isinstance(right, tree.Index) and isinstance(right.value, tree.Name) else None
    declared = tree.TensorTypeTree(right.span, dtype, items)  # type: ignore[arg-type]
    frame = _frame(session, one)
    for name in _symbols(graph):
        from archdsl.dims.dim import symbol

        if frame.scope.find(name) is None:
            frame.scope.bind(name, symbol(name), None, "config")
    frame.unit.facts = graph.facts
    from archdsl.dims.dtype import same

    actual = output.value.type
    if not same(actual.dtype, dtype or "float", session.float):
        raise Fault(
            problems.ExpectationFailed(at=condition.span, what=f"`{output.name}` is {actual}, and {right.span.text} is expected")
        )
    headers.check_sizes(
        frame,
        declared,
        actual,
        f"`{output.name}`",
        condition.span,
        lambda: Label(right.span, "expected here"),
        problems.ExpectationFailed,
    )


def _names_and_axis(graph: Graph, condition: tree.Call) -> tuple[str, str, int]:
    kind = condition.function.name  # type: ignore[union-attr]
    plain = [arg.value for arg in condition.args if arg.name is None]
    axis: int | None = None if kind == "causal" else 0
    for arg in condition.args:
        if arg.name == "axis" and isinstance(arg.value, tree.Int):
            axis = arg.value.value
        elif arg.name is not None:
            raise bad(arg.span, f"`{kind}` takes an output, an input and `axis=`")
    if len(plain) != 2 or not all(isinstance(one, tree.Name) for one in plain) or axis is None:
        raise bad(condition.span, f"`{kind}` takes an output, an input and `axis=`: `{kind}(logits, tokens, axis=1)`")
    out, given = plain[0].name, plain[1].name  # type: ignore[union-attr]
    outputs = [one.name or "" for one in graph.outputs]
    inputs = [one.name for one in graph.inputs]
    for name, known, what, at in ((out, outputs, "output", plain[0].span), (given, inputs, "input", plain[1].span)):
        if name not in known:
            raise Fault(problems.BadExpectation(at=at, what=f"there is no {what} `{name}`", help=did_you_mean(name, known)))
    return out, given, axis


def _property(graph: Graph, condition: tree.Call) -> None:
    from archdsl.analyses import dependence, symmetry

    kind = condition.function.name  # type: ignore[union-attr]
    out, given, axis = _names_and_axis(graph, condition)
    prove = {"causal": dependence.causal, "independent": dependence.independent, "equivariant": symmetry.equivariant}[kind]
    verdict = prove(graph, out, given, axis)
    if not verdict.proved:
        others = (Label(verdict.span, verdict.reason),) if verdict.span is not None else ()
        said = {"causal": "causal", "independent": "independent along that axis", "equivariant": "equivariant"}[kind]
        raise Fault(
            problems.ExpectationFailed(
                at=condition.span,
                what=f"`{out}` is not proved {said} in `{given}`, axis {axis}",
                others=others,
                notes=() if others else (verdict.reason,),
            )
        )


def _receptive(graph: Graph, expr: Any) -> Size:
    from archdsl.analyses.receptive_field import receptive_field

    if not isinstance(expr, tree.Call):
        raise bad(expr.span, "`receptive_field` takes an output and an input: `receptive_field(logits, image)`")
    names = [arg.value.name for arg in expr.args if isinstance(arg.value, tree.Name)]
    if len(names) != 2:
        raise bad(expr.span, "`receptive_field` takes an output and an input: `receptive_field(logits, image)`")
    found = receptive_field(graph, names[0], names[1])
    if found is None:
        raise bad(expr.span, "the receptive field is the whole input")
    return found
