"""Builds statements, terms with bodies, and tensor types."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dtype import DTYPES, ELSEWHERE, is_dtype
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.building.expressions import Expressions, Targets, Value
from archdsl.syntax.fault import Fault


class Statements(Expressions):
    """See `Expressions`."""

    # ── bodies and what has one ──────────────────────────────────────────────────────────────────────────────────────

    def body_empty(self, first: int, last: int, opener: int, closer: int) -> tree.Body:
        """`{}`"""
        return tree.Body(self.span(first, last), ())

    def body(self, first: int, last: int, opener: int, statements: list[tree.Statement], closer: int) -> tree.Body:
        """`{ a; b }`"""
        return tree.Body(self.span(first, last), tuple(statements))

    def if_(self, first: int, last: int, mark: int, condition: tree.Expr, then: tree.Body) -> tree.If:
        """`if c { … }`"""
        return tree.If(self.span(first, last), condition, then, None)

    def if_else(
        self, first: int, last: int, mark: int, condition: tree.Expr, then: tree.Body, else_: int, otherwise: tree.Body | tree.If
    ) -> tree.If:
        """`if c { … } else { … }`"""
        return tree.If(self.span(first, last), condition, then, otherwise)

    def skip(self, first: int, last: int, mark: int, body: tree.Body) -> tree.Skip:
        """`skip { … }`"""
        return tree.Skip(self.span(first, last), (), body, None)

    def skip_args(self, first: int, last: int, mark: int, args: list[tree.Arg], body: tree.Body) -> tree.Skip:
        """`skip(mul) { … }`"""
        return tree.Skip(self.span(first, last), tuple(args), body, None)

    def skip_via(self, first: int, last: int, mark: int, body: tree.Body, via: int, step: Any) -> tree.Skip:
        """`skip { … } via S`"""
        return tree.Skip(self.span(first, last), (), body, self.as_step(step))

    def skip_args_via(
        self, first: int, last: int, mark: int, args: list[tree.Arg], body: tree.Body, via: int, step: Any
    ) -> tree.Skip:
        """`skip(mul) { … } via S`"""
        return tree.Skip(self.span(first, last), tuple(args), body, self.as_step(step))

    def branch(self, first: int, last: int, mark: int, body: tree.Body) -> tree.Branch:
        """`branch { … }`"""
        return tree.Branch(self.span(first, last), (), (), False, None, body)

    def branch_args(self, first: int, last: int, mark: int, args: list[tree.Arg], body: tree.Body) -> tree.Branch:
        """`branch(concat, axis=1) { … }`"""
        return tree.Branch(self.span(first, last), tuple(args), (), False, None, body)

    def branch_args_in(
        self,
        first: int,
        last: int,
        mark: int,
        args: list[tree.Arg],
        targets: Targets,
        in_: int,
        items: tree.Expr,
        body: tree.Body,
    ) -> tree.Branch:
        """`branch(concat, axis=1) r in rates { … }`"""
        return tree.Branch(self.span(first, last), tuple(args), targets[0], targets[1], items, body)

    def branch_in(self, first: int, last: int, mark: int, name: int, in_: int, items: tree.Expr, body: tree.Body) -> tree.Branch:
        """`branch r in rates { … }`"""
        return tree.Branch(self.span(first, last), (), (self.value_name(name),), False, items, body)

    def repeat_count(self, first: int, last: int, mark: int, count: tree.Expr, body: tree.Body) -> tree.Repeat:
        """`repeat n { … }`"""
        return tree.Repeat(self.span(first, last), None, (), False, count, False, body)

    def repeat_in(
        self, first: int, last: int, mark: int, target: tree.Expr, in_: int, items: tree.Expr, body: tree.Body
    ) -> tree.Repeat:
        """`repeat i in 0..n { … }`"""
        names, tupled = self._targets(target)
        return tree.Repeat(self.span(first, last), None, names, tupled, items, True, body)

    def repeat_index(
        self,
        first: int,
        last: int,
        mark: int,
        index: int,
        comma: int,
        target: tree.Expr,
        in_: int,
        items: tree.Expr,
        body: tree.Body,
    ) -> tree.Repeat:
        """`repeat i, (a, b) in rows { … }`"""
        names, tupled = self._targets(target)
        return tree.Repeat(self.span(first, last), self.value_name(index), names, tupled, items, True, body)

    def _targets(self, target: tree.Expr) -> Targets:
        """The names left of `in`, which the grammar takes for an expression."""
        if isinstance(target, tree.Name):
            return (target.name,), False
        items = target.items if isinstance(target, tree.Tuple) else ()
        names = [arg.value.name for arg in items if arg.name is None and isinstance(arg.value, tree.Name)]
        if isinstance(target, tree.Paren) and isinstance(target.value, tree.Name):
            names = [target.value.name]
        elif not names or len(names) < len(items):
            raise Fault("NotNames", at=target.span)
        return tuple(names), True

    def scan(
        self,
        first: int,
        last: int,
        mark: int,
        inputs: list[tree.ScanInput],
        over: int,
        axis_: int,
        axis: tree.Expr,
        body: tree.Body,
    ) -> tree.Scan:
        """`scan x in xs over axis 1 { … }`"""
        return tree.Scan(self.span(first, last), tuple(inputs), axis, False, body)

    def scan_reverse(
        self, first: int, last: int, mark: int, inputs: list[tree.ScanInput], over: int, axis_: int, axis: tree.Expr,
        reverse: int, body: tree.Body,
    ) -> tree.Scan:  # fmt: skip
        """`scan x in xs over axis 1 reverse { … }`"""
        return tree.Scan(self.span(first, last), tuple(inputs), axis, True, body)

    def scan_input(self, first: int, last: int, name: int, in_: int, items: tree.Expr) -> tree.ScanInput:
        """`x in xs`"""
        return tree.ScanInput(self.span(first, last), self.value_name(name), items)

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────

    def let(self, first: int, last: int, mark: int, targets: list[int], equal: int, value: tree.Expr) -> tree.Let:
        """`let n = 3`"""
        return tree.Let(self.span(first, last), tuple(self.value_name(target) for target in targets), value)

    def require(self, first: int, last: int, mark: int, condition: tree.Expr) -> tree.Require:
        """`require H % 2 == 0`"""
        return tree.Require(self.span(first, last), condition, None)

    def require_message(self, first: int, last: int, mark: int, condition: tree.Expr, comma: int, message: int) -> tree.Require:
        """`require H % 2 == 0, "why"`"""
        text = self.path_value(message, message, [message])
        return tree.Require(self.span(first, last), condition, text if isinstance(text, tree.Str) else None)

    def expect(self, first: int, last: int, mark: int, opener: int, conditions: list[tree.Expr], closer: int) -> tree.Expect:
        """`expect { … }`"""
        return tree.Expect(self.span(first, last), tuple(conditions))

    def param(
        self, first: int, last: int, mark: int, name: int, colon: int, type_: tree.TensorTypeTree, equal: int, value: Value
    ) -> tree.Param:
        """`param p: [D] = zeros`"""
        return tree.Param(self.span(first, last), self.value_name(name), None, self.of_tensor(type_), value)

    def param_path(
        self, first: int, last: int, mark: int, name: int, is_: int, path: list[int], colon: int, type_: tree.TensorTypeTree,
        equal: int, value: Value,
    ) -> tree.Param:  # fmt: skip
        """`param p = a.b: [D] = zeros`"""
        return tree.Param(self.span(first, last), self.value_name(name), self.label(path), self.of_tensor(type_), value)

    def buffer(
        self, first: int, last: int, mark: int, name: int, colon: int, type_: tree.TensorTypeTree, equal: int, value: Value
    ) -> tree.Buffer:
        """`buffer b: [D] = zeros`"""
        return self.buffer_args(first, last, mark, [], name, colon, type_, equal, value)

    def buffer_path(
        self, first: int, last: int, mark: int, name: int, is_: int, path: list[int], colon: int, type_: tree.TensorTypeTree,
        equal: int, value: Value,
    ) -> tree.Buffer:  # fmt: skip
        """`buffer b = a.b: [D] = zeros`"""
        return self.buffer_args_path(first, last, mark, [], name, is_, path, colon, type_, equal, value)

    def buffer_args(
        self, first: int, last: int, mark: int, args: list[tree.Arg], name: int, colon: int, type_: tree.TensorTypeTree,
        equal: int, value: Value,
    ) -> tree.Buffer:  # fmt: skip
        """`buffer(persistent=false) b: [D] = zeros`"""
        return tree.Buffer(self.span(first, last), tuple(args), self.value_name(name), None, self.of_tensor(type_), value)

    def buffer_args_path(
        self, first: int, last: int, mark: int, args: list[tree.Arg], name: int, is_: int, path: list[int], colon: int,
        type_: tree.TensorTypeTree, equal: int, value: Value,
    ) -> tree.Buffer:  # fmt: skip
        """`buffer(persistent=false) b = a.b: [D] = zeros`"""
        return tree.Buffer(
            self.span(first, last), tuple(args), self.value_name(name), self.label(path), self.of_tensor(type_), value
        )

    def shared(self, first: int, last: int, mark: int, name: int, equal: int, step: Any) -> tree.Shared:
        """`shared f = Linear(D)`"""
        return tree.Shared(self.span(first, last), self.value_name(name), self.as_step(step))

    def init(
        self, first: int, last: int, mark: int, layer: int, dot: int, leaf: list[int], equal: int, value: tree.Expr
    ) -> tree.Init:
        """`init Conv2d.weight = normal`"""
        return tree.Init(self.span(first, last), self.word(layer), ".".join(map(self.word, leaf)), value)

    def default(self, first: int, last: int, mark: int, value: tree.Expr) -> tree.Default:
        """`default BatchNorm2d(eps=1e-3)`"""
        return tree.Default(self.span(first, last), value)

    def carry(self, first: int, last: int, mark: int, name: int, equal: int, value: Value) -> tree.Carry:
        """`carry h = zeros(B, H)`"""
        return tree.Carry(self.span(first, last), self.value_name(name), None, value)

    def carry_typed(
        self, first: int, last: int, mark: int, name: int, colon: int, type_: tree.TensorTypeTree, equal: int, value: Value
    ) -> tree.Carry:
        """`carry h: [B, H] = start`"""
        return tree.Carry(self.span(first, last), self.value_name(name), self.of_tensor(type_), value)

    def yield_(self, first: int, last: int, mark: int, values: list[Value]) -> tree.Yield:
        """`yield h`"""
        return tree.Yield(self.span(first, last), tuple(values))

    def _name(self, token: int) -> tree.Name:
        return tree.Name(self.span(token, token), self.value_name(token))

    def final(self, first: int, last: int, mark: int, names: list[int]) -> tree.Final:
        """`final h, c`"""
        return tree.Final(self.span(first, last), tuple(self._name(name) for name in names))

    def until(self, first: int, last: int, mark: int, condition: tree.Expr) -> tree.Until:
        """`until c`"""
        return tree.Until(self.span(first, last), condition)

    def head(self, first: int, last: int, mark: int, name: int) -> tree.Head:
        """`head logits`"""
        return tree.Head(self.span(first, last), self.word(name), False, None)

    def head_body(self, first: int, last: int, mark: int, name: int, body: tree.Body) -> tree.Head:
        """`head logits { … }`"""
        return tree.Head(self.span(first, last), self.word(name), False, body)

    def head_training(self, first: int, last: int, mark: int, name: int, *when: int) -> tree.Head:
        """`head aux when training`"""
        return tree.Head(self.span(first, last), self.word(name), True, None)

    def head_training_body(
        self, first: int, last: int, mark: int, name: int, when: int, training: int, body: tree.Body
    ) -> tree.Head:
        """`head aux when training { … }`"""
        return tree.Head(self.span(first, last), self.word(name), True, body)

    def assign(self, first: int, last: int, targets: list[int], equal: int, value: Value) -> tree.Assign:
        """`a, b = x -> f`"""
        return tree.Assign(self.span(first, last), tuple(self._name(target) for target in targets), value)

    def flow(self, first: int, last: int, value: Value) -> tree.Flow | tree.Broken:
        """`x -> f`"""
        if first in self.broken:
            return tree.Broken(self.span(self.broken[first], last))
        return tree.Flow(self.span(first, last), self.as_chain(value))

    # ── tensor types ─────────────────────────────────────────────────────────────────────────────────────────────────

    def any_type(self, first: int, last: int, dims: list[tree.Expr | tree.Ellipsis_]) -> tree.TensorTypeTree:
        """`[N, C]`"""
        return tree.TensorTypeTree(self.span(first, last), None, tuple(dims))

    def dtype_type(self, first: int, last: int, dtype: int, dims: list[tree.Expr | tree.Ellipsis_]) -> tree.TensorTypeTree:
        """`i64[B, T]`, and `list[int]`, which the grammar takes for one: `header_type` knows better."""
        name = self.word(dtype)
        if not is_dtype(name) and name != "list":
            raise no_type(self.span(dtype, dtype), DTYPES)
        return tree.TensorTypeTree(self.span(first, last), name, tuple(dims))

    def of_tensor(self, type_: tree.TensorTypeTree) -> tree.TensorTypeTree:
        """The type where only a tensor's can stand."""
        if type_.dtype == "list":
            raise Fault("UnknownType", at=type_.span, name="list", help="a tensor stands here: `[N, 8]`")
        return type_


def no_type(at: Span, known: tuple[str, ...]) -> Fault:
    """The word there is no type; `known` are those that can stand in its place."""
    there = ELSEWHERE.get(at.text)
    if there in known:
        help = f"write `{there}`"
    elif at.text.lower() == "tensor" or there:
        help = f"a tensor's type has its dimensions: `{there or ''}[N, 8]`"
    else:
        help = did_you_mean(at.text, known) or f"there are {', '.join(known)}"
    return Fault("UnknownType", at=at, name=at.text, help=help)
