"""Files, their items and imports: who is called what at the top level."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from archdsl.elaborate.fault import Fault
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.values import UNKNOWN, FnWord
from archdsl.problems.problem import Label, Problem
from archdsl.problems.suggest import did_you_mean
from archdsl.records import fresh, mutable
from archdsl.source import Source, Span
from archdsl.syntax import tree

MAX_IMPORTS = 256
MAX_CHAIN = 60
"""How deep imports may be nested: each needs the one that it imports first."""


@mutable
class Module:
    """One file: its items by name, and the names it imports."""

    file: tree.File
    items: dict[str, tree.Item] = fresh(default_factory=dict)
    imported: dict[str, tuple[Module, str]] = fresh(default_factory=dict)
    values: dict[str, Any] = fresh(default_factory=dict)
    """Items already resolved."""
    busy: set[str] = fresh(default_factory=set)
    _lists: dict[int, tuple[tuple[tree.Param_, ...], tuple[tree.Param_, ...]]] = fresh(default_factory=dict)
    computed: dict[object, Any] = fresh(default_factory=dict)
    """What its functions of configuration gave, and in how many steps, by their arguments."""
    handed: dict[int, Any] = fresh(default_factory=dict)
    """Of its blocks, the numbers that they only hand on (`twins.handed_on`)."""
    made: dict[object, Any] = fresh(default_factory=dict)
    """Its blocks and archs, elaborated without a problem: the same again in every later run (see `blocks.instantiate`)."""

    def lists(self, item: tree.Fn | tree.Block | tree.Arch) -> tuple[tuple[tree.Param_, ...], tuple[tree.Param_, ...]]:
        """The configuration and the tensor parameters of one of its items. Raises as `headers` does."""
        found = self._lists.get(id(item))
        if found is None:
            found = self._lists[id(item)] = headers(item)
        return found

    def keep(self, key: object, made: object) -> None:
        """Remember a block; of too many, those before are forgotten."""
        _keep(self.made, key, made)

    def keep_value(self, key: object, value: object) -> None:
        """Remember what a function of configuration gave, and the steps that it took."""
        _keep(self.computed, key, value)

    @property
    def source(self) -> Source:
        """Its text."""
        return self.file.source

    def names(self) -> set[str]:
        """All names of the file's top level."""
        return {*self.items, *self.imported}


def _keep(known: dict[object, Any], key: object, value: object) -> None:
    if len(known) >= MAX_KEPT:
        known.clear()
    known[key] = value


class Unfound(Exception):
    """What a reader raises for an import it will not or cannot read; `outside` tells that it leads out of the roots."""

    def __init__(self, message: str, outside: bool = False, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.outside = outside
        self.help = help


_ITEM = re.compile(r"(?:let|fn|block|arch|variant)\s+([A-Za-z_]\w*)")
"""What an item that could not be read would have defined."""

Reader = Callable[[Source, tree.Use], tuple[object, Callable[[], tree.File]]]
"""Given the importing source and the import: an identity of the file (equal for equal files) and how to get its tree."""


_loaded: dict[int, Module] = {}
"""Modules of files that had no problem, by the identity of the file's tree, the oldest first."""
MAX_LOADED = 64
MAX_KEPT = 1024
"""How many elaborated blocks, or values of its functions, a module remembers."""


class Loader:
    """Builds modules with their imports; each file once. A file that is as it was, with imports that are as they were, is the
    module that it was, and what was elaborated of it stays known."""

    def __init__(self, reader: Reader, note: Callable[[Problem], None]) -> None:
        self._reader = reader
        self._problem = note
        self._noted = 0
        self._modules: dict[object, Module] = {}
        self._path: list[object] = []

    def load(self, identity: object, file: tree.File) -> Module:
        """The module of a parsed file and of all that it imports."""
        module = self._modules[identity] = Module(file)
        self._path.append(identity)
        noted = self._noted
        for item in file.items:
            if isinstance(item, tree.Use):
                try:
                    self._use(module, item)
                except Fault as fault:
                    self._note(fault.problem)
                    module.values.update((used.name, UNKNOWN) for used in item.names or ())
            elif isinstance(item, tree.Let):
                for name in item.targets:
                    self._define(module, name, item)
            elif not isinstance(item, tree.Broken):
                self._define(module, item.name, item)
            elif (said := _ITEM.match(item.span.text)) is not None:
                module.values[said[1]] = UNKNOWN  # what is wrong with it is told; that others use it is not
        self._path.pop()
        if self._noted == noted:
            module = self._modules[identity] = _as_before(module)
        return module

    def _note(self, problem: Problem) -> None:
        self._noted += 1
        self._problem(problem)

    def _define(self, module: Module, name: str, item: Any) -> None:
        if name == "_":
            return
        before = module.items.get(name)
        if before is not None or name in module.imported:
            others = (Label(getattr(before, "name_span", before.span), "first here"),) if before is not None else ()
            at = getattr(item, "name_span", item.span)
            self._note(problems.AlreadyBound(at=at, what=f"`{name}` is defined twice in this file", others=others))
            return
        module.items[name] = item

    def _use(self, module: Module, use: tree.Use) -> None:
        try:
            identity, read = self._reader(module.source, use)
        except Unfound as fault:
            kind = problems.ImportOutsideRoot if fault.outside else problems.ImportNotFound
            raise Fault(kind(at=use.span, what=fault.message, help=fault.help)) from None
        if identity in self._path:
            circle = [*self._path[self._path.index(identity) :], identity]
            names = " -> ".join(PurePath(str(one)).name for one in circle)
            raise Fault(problems.ImportCircle(at=use.span, what=f"the files import each other: {names}"))
        if identity not in self._modules:
            if len(self._path) > MAX_CHAIN:
                raise Fault(problems.TooManyImports(at=use.span, what=f"imports are nested more than {MAX_CHAIN} deep"))
            if len(self._modules) > MAX_IMPORTS:
                raise Fault(problems.TooManyImports(at=use.span, what=f"there are more than {MAX_IMPORTS} imported files"))
            try:
                file = read()
            except Unfound as fault:
                raise Fault(problems.ImportNotFound(at=use.span, what=fault.message)) from None
            self.load(identity, file)
        target = self._modules[identity]
        if use.names is None:
            for name in target.items:
                module.imported[name] = (target, name)
            return
        for used in use.names:
            if used.imported not in target.items:
                self._note(
                    problems.ImportNotFound(
                        at=used.span,
                        what=f"`{used.imported}` is not an item of {use.module}",
                        help=did_you_mean(used.imported, target.items),
                    )
                )
                module.values[used.name] = UNKNOWN
            elif used.name in module.imported or used.name in module.items:
                self._note(problems.AlreadyBound(at=used.span, what=f"`{used.name}` is defined twice in this file"))
            else:
                module.imported[used.name] = (target, used.imported)


def _as_before(module: Module) -> Module:
    """The module that was made of the same tree with the same imports, if there is one, else this one from now on."""
    known = _loaded.pop(id(module.file), module)
    if known.file is not module.file or known.imported != module.imported:
        known = module
    _loaded[id(module.file)] = known
    if len(_loaded) > MAX_LOADED:
        del _loaded[next(iter(_loaded))]
    return known


def is_tensor_fn(item: tree.Fn) -> bool:
    """A `fn` is one of tensors if it has a body in braces or a parameter with a tensor type."""
    if isinstance(item.value, tree.Body) or item.outs is not None:
        return True
    return any(is_tensor_param(one) for one in (p for given in item.lists for p in given))


def is_tensor_param(parameter: tree.Param_) -> bool:
    """Whether a header's parameter is a tensor."""
    return isinstance(parameter.type, tree.TensorTypeTree)


def headers(item: tree.Fn | tree.Block | tree.Arch) -> tuple[tuple[tree.Param_, ...], tuple[tree.Param_, ...]]:
    """The configuration and the tensor parameters of a header, told apart by their types. Raises on a third or a mixed list."""
    config: tuple[tree.Param_, ...] = ()
    tensors: tuple[tree.Param_, ...] = ()
    if len(item.lists) > 2:
        raise Fault(problems.MisplacedStatement(at=item.name_span, what=f"`{item.name}` has more than two lists of parameters"))
    for given in item.lists:
        kinds = {is_tensor_param(one) for one in given}
        if len(kinds) == 2:
            raise Fault(
                problems.MisplacedStatement(
                    at=item.name_span,
                    what=f"`{item.name}` mixes configuration and tensors in one list",
                    help="configuration stands in the first parentheses, tensors in the second",
                )
            )
        if kinds == {True}:
            if tensors:
                raise Fault(problems.MisplacedStatement(at=item.name_span, what=f"`{item.name}` has two lists of tensors"))
            tensors = given
        elif given:
            if tensors:
                raise Fault(problems.MisplacedStatement(at=item.name_span, what="configuration stands before the tensors"))
            if config:
                raise Fault(
                    problems.MisplacedStatement(
                        at=given[0].span,
                        what=f"`{item.name}` has two lists of configuration",
                        help=f"a tensor's parameter has its type: `{given[0].name}: [N, C]`",
                    )
                )
            config = given
    return config, tensors


def fn_word(item: tree.Fn, module: Module) -> FnWord:
    """A function's item as a value."""
    return FnWord(item, module, is_tensor_fn(item))


def whole(source: Source) -> Span:
    """The start of a file, for problems without a better place."""
    return Span(source, 0, min(1, len(source.text)))
