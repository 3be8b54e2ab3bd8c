"""Builds items and their headers."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dtype import DTYPES, is_dtype
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.building.expressions import Value
from archdsl.syntax.building.statements import Statements, no_type
from archdsl.syntax.fault import Fault

CONFIGURATION = ("int", "float", "bool", "str", "dtype", "layer", "list", "none")
"""The types of configuration."""

Lists = list[list[tree.Param_]]
Outs = list[tree.Out] | None


class Items(Statements):
    """See `Expressions`. `docs` are the documenting comments by the place of the item below them."""

    docs: dict[int, str]

    def _doc(self, first: int) -> str | None:
        return self.docs.get(self.starts[first])

    # ── imports and constants ────────────────────────────────────────────────────────────────────────────────────────

    def use_module(self, first: int, last: int, mark: int, words: list[int]) -> tree.Use:
        """`use std.vision`"""
        return tree.Use(self.span(first, last), ".".join(map(self.word, words)), False, None)

    def use_file(self, first: int, last: int, mark: int, path: int) -> tree.Use:
        """`use "./blocks.arch"`"""
        return tree.Use(self.span(first, last), self._string(path), True, None)

    def use_module_names(
        self, first: int, last: int, mark: int, words: list[int], opener: int, names: list[tree.Used], closer: int
    ) -> tree.Use:
        """`use std.vision { ConvNorm }`"""
        return tree.Use(self.span(first, last), ".".join(map(self.word, words)), False, tuple(names))

    def use_file_names(
        self, first: int, last: int, mark: int, path: int, opener: int, names: list[tree.Used], closer: int
    ) -> tree.Use:
        """`use "./blocks.arch" { Stem }`"""
        return tree.Use(self.span(first, last), self._string(path), True, tuple(names))

    def _string(self, token: int) -> str:
        value = self.path_value(token, token, [token])
        return value.value if isinstance(value, tree.Str) else ""

    def used(self, first: int, last: int, name: int) -> tree.Used:
        """`Stem`"""
        return tree.Used(self.span(first, last), self.word(name), self.value_name(name))

    def used_as(self, first: int, last: int, imported: int, as_: int, name: int) -> tree.Used:
        """`SqueezeExcite as SE`"""
        return tree.Used(self.span(first, last), self.word(imported), self.value_name(name))

    def let_item(self, first: int, last: int, mark: int, targets: list[int], equal: int, value: tree.Expr) -> tree.Let:
        """`let stages = [1, 2]`"""
        names = tuple(self.value_name(target) for target in targets)
        return tree.Let(self.span(first, last), names, value, self._doc(first))

    # ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def header_param(self, first: int, last: int, name: int) -> tree.Param_:
        """`v`"""
        return tree.Param_(self.span(first, last), self.value_name(name), None, None)

    def header_param_typed(self, first: int, last: int, name: int, colon: int, type_: tree.TypeTree) -> tree.Param_:
        """`width: int`"""
        return tree.Param_(self.span(first, last), self.value_name(name), type_, None)

    def header_param_default(self, first: int, last: int, name: int, equal: int, value: tree.Expr) -> tree.Param_:
        """`d = 8`"""
        return tree.Param_(self.span(first, last), self.value_name(name), None, value)

    def header_param_both(
        self, first: int, last: int, name: int, colon: int, type_: tree.TypeTree, equal: int, value: tree.Expr
    ) -> tree.Param_:
        """`stride: int = 1`"""
        return tree.Param_(self.span(first, last), self.value_name(name), type_, value)

    def out(self, first: int, last: int, type_: tree.TensorTypeTree, *training: int) -> tree.Out:
        """`[N, C]`"""
        return tree.Out(self.span(first, last), None, self.of_tensor(type_), bool(training))

    def out_named(self, first: int, last: int, name: int, colon: int, type_: tree.TensorTypeTree, *training: int) -> tree.Out:
        """`aux: [N, K] when training`"""
        return tree.Out(self.span(first, last), self.word(name), self.of_tensor(type_), bool(training))

    def union(self, first: int, last: int, options: list[tree.TensorTypeTree | tree.NamedType]) -> tree.TypeTree:
        """`int | none`"""
        return options[0] if len(options) == 1 else tree.UnionType(self.span(first, last), tuple(options))

    def named_type(self, first: int, last: int, name: int) -> tree.NamedType:
        """`int`"""
        return self._configuration(self.span(name, name))

    def header_type(self, first: int, last: int, type_: tree.TensorTypeTree) -> tree.TensorTypeTree | tree.NamedType:
        """`[N, C]`, or `list[int]`, which the grammar takes for a tensor's type."""
        if type_.dtype != "list":
            return type_
        return tree.NamedType(type_.span, "list", self._element(type_, type_.dims))

    def _element(self, at: tree.Tree, items: tuple[object, ...]) -> tree.TypeTree:
        """The type between the brackets of `list[…]`, which was read as expressions."""
        match items:
            case (tree.Name() as one,):
                return self._configuration(one.span)
            case (tree.Nothing() as one,):
                return self._configuration(one.span)
            case (tree.Index(value=tree.Name(name="list")) as one,):
                return tree.NamedType(one.span, "list", self._element(one, one.items))
            case (tree.Index(value=tree.Name(name=name)) as one,) if is_dtype(name):
                dims = tuple(item for item in one.items if not isinstance(item, tree.Slice))
                if len(dims) < len(one.items):
                    raise Fault("BadElementType", at=at.span)
                return tree.TensorTypeTree(one.span, name, dims)
            case (tree.Index(value=tree.Name() as word),):
                raise no_type(word.span, DTYPES)
            case _:
                raise Fault("BadElementType", at=at.span)

    def _configuration(self, at: Span) -> tree.NamedType:
        if at.text not in CONFIGURATION:
            raise no_type(at, CONFIGURATION)
        return tree.NamedType(at, at.text)

    # ── items ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def fn_value(
        self, first: int, last: int, mark: int, name: int, lists: Lists, outs: Outs, equal: int, value: tree.Expr
    ) -> tree.Fn:
        """`fn f(a) = a + 1`"""
        return tree.Fn(self.span(first, last), *self._header(name, lists, outs), value, self._doc(first))

    def fn_body(self, first: int, last: int, mark: int, name: int, lists: Lists, outs: Outs, body: tree.Body) -> tree.Fn:
        """`fn f(x: [N]) -> [N] { … }`"""
        return tree.Fn(self.span(first, last), *self._header(name, lists, outs), body, self._doc(first))

    def block(
        self, first: int, last: int, mark: int, name: int, lists: Lists, outs: Outs, body: tree.Body
    ) -> tree.Block | tree.Broken:
        """`block B(n: int)(x: [N]) -> [N] { … }`"""
        if first in self.broken:
            return tree.Broken(self.span(first, last))
        return tree.Block(self.span(first, last), *self._header(name, lists, outs), body, self._doc(first))

    def arch(self, first: int, last: int, mark: int, name: int, lists: Lists, outs: Outs, body: tree.Body) -> tree.Arch:
        """`arch A(n: int)(x: [N]) -> y: [N] { … }`"""
        return tree.Arch(self.span(first, last), *self._header(name, lists, outs), body, self._doc(first))

    def _header(
        self, name: int, lists: Lists, outs: Outs
    ) -> tuple[str, Span, tuple[tuple[tree.Param_, ...], ...], tuple[tree.Out, ...] | None]:
        return (
            self.value_name(name),
            self.span(name, name),
            tuple(tuple(one) for one in lists),
            None if outs is None else tuple(outs),
        )

    def variant(
        self, first: int, last: int, mark: int, name: int, equal: int, value: tree.Expr, body: tree.Body | None = None
    ) -> tree.Variant:
        """`arch ResNet50 = ResNet(Bottleneck) { … }`"""
        return tree.Variant(self.span(first, last), self.value_name(name), self.span(name, name), value, body, self._doc(first))

    # ── variants ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def variant_plain(self, first: int, last: int, mark: int, name: int, of: int, base: int, *braces: int) -> tree.Variant:
        """`variant Same of ResNet50 {}`"""
        return self._variant(first, last, name, base, [])

    def variant_edited(
        self, first: int, last: int, mark: int, name: int, of: int, base: int, opener: int, lines: list[Any], closer: int
    ) -> tree.Variant:
        """`variant Odd of ResNet50 { replace relu with gelu }`"""
        return self._variant(first, last, name, base, lines)

    def _variant(self, first: int, last: int, name: int, base: int, lines: list[Any]) -> tree.Variant:
        edits = tuple(one for one in lines if isinstance(one, tree.Edit))
        others = tuple(one for one in lines if not isinstance(one, tree.Edit))
        return tree.Variant(
            self.span(first, last),
            self.value_name(name),
            self.span(name, name),
            tree.Name(self.span(base, base), self.word(base)),
            tree.Body(self.span(first, last), others) if others else None,
            self._doc(first),
            edits,
        )

    def _selector(self, token: int) -> tree.Selector:
        return tree.Selector(self.span(token, token), " ".join(self.word(token).split()))

    def edit_configuration(self, first: int, last: int, mark: int, settings: list[tree.Arg]) -> tree.Edit:
        """`set width = 128`"""
        return tree.Edit(self.span(first, last), "set", None, tuple(settings))

    def edit_arguments(self, first: int, last: int, mark: int, settings: list[tree.Arg], for_: int, selector: int) -> tree.Edit:
        """`set groups = 32 for layer4.*.conv2`"""
        return tree.Edit(self.span(first, last), "set", self._selector(selector), tuple(settings))

    def edit_replace(self, first: int, last: int, mark: int, selector: int, with_: int, value: Value) -> tree.Edit:
        """`replace relu with gelu`"""
        return tree.Edit(self.span(first, last), "replace", self._selector(selector), self.as_chain(value))

    def edit_insert(self, first: int, last: int, mark: int, where: int, selector: int, body: tree.Body) -> tree.Edit:
        """`insert after fc1 { drop: Dropout(0.1) }`"""
        word = f"insert {self.word(where)}"
        return tree.Edit(self.span(first, last), word, self._selector(selector), tree.Chain(body.span, (self._as_link(body),)))

    def edit_wrap(self, first: int, last: int, mark: int, selector: int, with_: int, step: Any) -> tree.Edit:
        """`wrap layer4.* with skip`"""
        return tree.Edit(self.span(first, last), "wrap", self._selector(selector), self.as_step(step))

    def edit_alone(self, first: int, last: int, mark: int, selector: int) -> tree.Edit:
        """`unwrap [skip]`, `remove dropout`"""
        return tree.Edit(self.span(first, last), self.word(mark), self._selector(selector), None)

    def wrap_skip(self, first: int, last: int, mark: int, hole: None, *via: Any) -> tree.Skip:
        """`skip`, `skip via down: Conv2d(64, 1)`"""
        return self.wrap_skip_args(first, last, mark, [], hole, *via)

    def wrap_skip_args(self, first: int, last: int, mark: int, args: list[tree.Arg], hole: None, *via: Any) -> tree.Skip:
        """`skip(mul)`, `skip(mul) via gate: Linear(64)`"""
        return tree.Skip(self.span(first, last), tuple(args), self._nothing(mark), self.as_step(via[1]) if via else None)

    def wrap_repeat(self, first: int, last: int, mark: int, count: tree.Expr, hole: None) -> tree.Repeat:
        """`repeat 2`"""
        return tree.Repeat(self.span(first, last), None, (), False, count, False, self._nothing(mark))

    def _nothing(self, at: int) -> tree.Body:
        """The empty braces that a construct goes without in `wrap`."""
        return tree.Body(self.span(at, at), ())
