"""The pipeline on one screen: parse, elaborate, analyse, target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archdsl.elaborate import archs, checking, lookup
from archdsl.elaborate.archs import Elaborated
from archdsl.elaborate.fault import Fault
from archdsl.elaborate.imports import reader_for
from archdsl.elaborate.origin import again
from archdsl.elaborate.outside import optional_inputs, optional_inputs_of, value_of
from archdsl.elaborate.program import Loader, Module
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import BlockWord
from archdsl.files.reading import read_source
from archdsl.ir.graph import Graph
from archdsl.passes.forms import Step, in_form, of_step
from archdsl.problems.collector import Problems
from archdsl.problems.problem import Problem
from archdsl.problems.suggest import did_you_mean
from archdsl.records import changed
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.parse import parse

if TYPE_CHECKING:
    import torch

    from archdsl.designing.solving import Solution
    from archdsl.passes.carrying import Passed
    from archdsl.passes.sequence import Passes
    from archdsl.targets.onnx.external import Content
    from archdsl.verifying.report import Report


Name = str | Graph | None
"""An architecture: its name, None where the file has one, or a graph of it that was edited or passed."""


class NoSuchArch(LookupError):
    """The file has no architecture of that name, or several and none was named."""


class Spec:
    """A loaded `.arch` file with its imports.

    `graph`, `source`, `build`, `onnx`, `draw` and `summary` take the architecture's name (not needed where the file has one), its
    configuration as keywords, and `passes` that rewrite it first, as `--pass` takes them; weights stay those of the spec, and
    are carried through. They raise `ArchError`, which carries all problems and prints them.
    """

    def __init__(self, source: Source, module: Module, problems: Problems) -> None:
        self.text = source
        self.module = module
        self._found = problems

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found so far, by place: of syntax and imports, and after `check` all."""
        return self._found.sorted()

    @property
    def names(self) -> tuple[str, ...]:
        """The architectures of the file, in text order."""
        return tuple(name for name, item in self.module.items.items() if isinstance(item, (tree.Arch, tree.Variant)))

    def check(self, name: str | None = None, config: Mapping[str, object] | None = None) -> tuple[Problem, ...]:
        """Every problem of one architecture with this configuration, or of the whole file: its archs as they stand, and the
        blocks that none of them calls."""
        if name is None and not config:
            checking.check_file(self.module, self._found, self.names, self._elaborate_into)
            return self.problems
        problems = self._copy()
        self._elaborate_into(self._name(name), config or {}, problems)
        return problems.sorted()

    def elaborate(
        self,
        name: Name = None,
        /,
        *,
        given: Iterable[str] = (),
        dtype: str | None = None,
        free: Mapping[str, Any] | None = None,
        passes: Passes = (),
        **config: Any,
    ) -> Elaborated:
        """The typed graph, after passes, with what the arch expects of itself. Raises `ArchError`, `UnknownPass`."""
        if passes:
            from archdsl.passes.sequence import through

            plain = self.elaborate(name, given=given, dtype=dtype, free=free, **config)
            return changed(plain, graph=through(plain.graph, passes, float=dtype or "f32", verify=not free).graph)
        problems = self._copy()
        if isinstance(name, Graph):
            values = {key: value_of(Session(problems), self.module, one) for key, one in config.items()}
            return again(name, frozenset(given), dtype, free, values)
        made = self._elaborate_into(self._name(name), config, problems, frozenset(given), dtype, free)
        problems.raise_errors()
        assert made is not None  # noqa: S101
        return made

    def graph(self, name: Name = None, /, *, given: Iterable[str] = (), dtype: str | None = None, **config: Any) -> Graph:
        """The typed graph. `given` names the optional inputs that it takes, `dtype` is the program's float type. Raises
        `ArchError`."""
        return self.elaborate(name, given=given, dtype=dtype, **config).graph

    def source(
        self,
        name: Name = None,
        /,
        *,
        given: Iterable[str] | None = None,
        dtype: str | None = None,
        scan: str = "auto",
        step: Step = False,
        over: str | None = None,
        **config: Any,
    ) -> str:
        """The PyTorch source: a file with a class of the architecture's name, whose free configuration is its keywords.

        Its `forward` takes each optional input or not, call by call; `given` fixes which it takes. `scan` is `auto` for the
        fastest form of each scan, or `loop` for the plain one; so it is wherever it is taken. With `step` it is the source of
        `Spec.step`, and `over` is as there."""
        from archdsl.targets.torch.merging.every_call import open_graph
        from archdsl.targets.torch.source import print_source

        optional = self.optional(name) if given is None and not step else []
        elaborate = partial(self.elaborate, name, dtype=dtype)
        graph, free = open_graph(
            elaborate, optional, tuple(given or ()), config, lambda one: in_form(of_step(one, step, over, dtype), scan, dtype)
        )
        return print_source(graph, free)

    def build(
        self,
        name: Name = None,
        /,
        *,
        seed: int = 0,
        weights: Any = None,
        device: str = "cpu",
        dtype: Any = None,
        given: Iterable[str] | None = None,
        scan: str = "auto",
        passes: Passes = (),
        **config: Any,
    ) -> torch.nn.Module:
        """The live module: its generated source, executed. Parameters come from `seed`, or from `weights`: a safetensors file
        or a state dict, whose keys must all fit. `dtype` is a torch dtype or its name, `given` is as for `source`."""
        from archdsl.targets.torch.carried import build_passed
        from archdsl.targets.torch.merging.every_call import every_passed

        before, passed, graph = every_passed(
            self.optional(name) if given is None else [],
            lambda way: self._passed(name, passes, way or given or (), None, config),
            lambda one: in_form(one, scan, None),
        )
        return build_passed(before, passed, graph, seed=seed, weights=weights, device=device, dtype=dtype)

    def step(
        self,
        name: Name = None,
        /,
        *,
        over: str | None = None,
        seed: int = 0,
        weights: Any = None,
        device: str = "cpu",
        dtype: Any = None,
        given: Iterable[str] = (),
        scan: str = "auto",
        passes: Passes = (),
        **config: Any,
    ) -> torch.nn.Module:
        """The live module of one step of a recurrent model, for generation; it has the keys of `build`'s.

        It takes the inputs of one position, without the axis that the scans walk, then what the step before carried, and gives
        the outputs of this position, then what is carried on: `y, *state = step(x[:, t], *state)`, in the first step without a
        state. `over` names the length of the scanned axis where there are several. Raises `ArchError` where something needs more
        of the sequence than a step has."""
        from archdsl.targets.torch.carried import build_passed

        before, passed = self._passed(name, passes, given, None, config)
        graph = in_form(of_step(passed.graph, True, over, None), scan, None)
        return build_passed(before, passed, graph, seed=seed, weights=weights, device=device, dtype=dtype)

    def onnx(
        self,
        name: Name = None,
        /,
        *,
        weights: Any = None,
        seed: int = 0,
        given: Iterable[str] = (),
        dtype: str | None = None,
        inline: bool = False,
        scan: str = "auto",
        step: Step = False,
        over: str | None = None,
        passes: Passes = (),
        **config: Any,
    ) -> bytes:
        """The ONNX model as bytes. Its weights are those of a live module or a state dict, of a safetensors file, or drawn from
        `seed`. With `step` it is the model of one step, as `Spec.step` tells, which takes all carries; with `step="first"` that
        of the first step, which takes none and gives them."""
        from archdsl.targets.onnx.model import export

        before, passed = self._passed(name, passes, given, dtype, config)
        weights = self.build(name, seed=seed, given=given, **config) if weights is None else weights
        graph = in_form(of_step(passed.graph, step, over, dtype), scan, dtype, solving=False)
        return export(graph, _weights(before, passed, weights), dtype=dtype or "f32", inline=inline)

    def onnx_files(
        self,
        path: str | Path,
        name: Name = None,
        /,
        *,
        weights: Any = None,
        seed: int = 0,
        given: Iterable[str] = (),
        dtype: str | None = None,
        inline: bool = False,
        scan: str = "auto",
        step: Step = False,
        over: str | None = None,
        passes: Passes = (),
        **config: Any,
    ) -> dict[Path, Content]:
        """The files to write for the ONNX model at `path`, which `onnx` gives in one piece; weights beyond 2 GiB lie in a file
        beside it."""
        from archdsl.targets.onnx.external import model_files

        before, passed = self._passed(name, passes, given, dtype, config)
        weights = self.build(name, seed=seed, given=given, **config) if weights is None else weights
        graph = in_form(of_step(passed.graph, step, over, dtype), scan, dtype, solving=False)
        return model_files(Path(path), graph, _weights(before, passed, weights), dtype=dtype or "f32", inline=inline)

    def draw(self, name: Name = None, /, *, format: str = "svg", **config: Any) -> str | bytes:
        """The diagram: `svg`, `dot`, `mermaid` as text, `png`, `pdf` as bytes."""
        from archdsl.targets.diagram.draw import draw

        return draw(self.graph(name, **config), format)

    def summary(self, name: Name = None, /, *, bind: Mapping[str, int] | None = None, **config: Any) -> Any:
        """The table of layers with output shapes, parameters and MACs; `str()` of it is the text."""
        from archdsl.analyses.summary import summarize

        return summarize(self.graph(name, **config), bind or {})

    def verify(
        self,
        name: Name = None,
        /,
        *,
        compile: bool = False,
        seed: int = 0,
        bind: Mapping[str, int] | None = None,
        given: Iterable[str] | None = None,
        scan: str = "auto",
        **config: Any,
    ) -> Report:
        """Proof that module, source and ONNX compute the same, at several values of every symbolic dimension; `compile` adds
        `torch.compile(fullgraph=True)`, `bind` fixes dimensions. The report is `ok` or not, and prints as a table."""
        from archdsl.verifying.verify import verify

        return verify(self, name, compile=compile, seed=seed, bind=bind, given=given, scan=scan, **config)

    def solve(
        self,
        name: str | None = None,
        /,
        *,
        free: Mapping[str, tuple[float, ...] | None],
        such_that: str,
        like: Graph | None = None,
        **config: Any,
    ) -> Solution:
        """The configuration whose count comes nearest: `solve(free={"width": (64, 1024, 8)}, such_that="params == 25e6")`.

        A range is (low, high) or (low, high, step), both ends included, or None for any whole number from 1; `like` is the graph
        whose count `like` is in the condition. Raises `ArchError`, `ValueError`, and `NoSolution`, a `LookupError`."""
        from archdsl.designing.solving import Free, solve

        names = [Free(one, *(given or ())) for one, given in free.items()]
        return solve(self, name, names, such_that, like=None if like is None else lambda: like, config=config)

    def optional(self, name: Name = None, /) -> list[str]:
        """The names of the inputs that may be left out; none of a graph that was made for some of them, or that a pass made."""
        return optional_inputs(name) if isinstance(name, Graph) else optional_inputs_of(self.module, self._name(name))

    def _passed(
        self, name: Name, passes: Passes, given: Iterable[str], dtype: str | None, config: Mapping[str, Any]
    ) -> tuple[Graph, Passed]:
        """The graph as it stands, and what passes make of it."""
        from archdsl.passes.sequence import through

        before = self.graph(name, given=given, dtype=dtype, **config)
        return before, through(before, passes, float=dtype or "f32")

    def _elaborate_into(
        self,
        name: str,
        config: Mapping[str, Any],
        problems: Problems,
        given: frozenset[str] = frozenset(),
        dtype: str | None = None,
        free: Mapping[str, Any] | None = None,
    ) -> Elaborated | None:
        key = (name, given, dtype, tuple(free or ()), repr(sorted(config.items())))
        known: Elaborated | None = self.module.made.get(key)
        if known is not None:
            return known
        noted = problems.noted
        item = self.module.items[name]
        session = Session(problems, float=dtype or "f32", free=frozenset(free or ()))
        span = getattr(item, "name_span", item.span)
        try:
            word = lookup.item_value(session, self.module, name, span)
            if not isinstance(word, BlockWord):
                return None
            values = {key: value_of(session, self.module, one) for key, one in config.items()}
            made = archs.elaborate(session, self.module, word, name, values, given, span, free)
        except Fault as fault:
            session.note(fault)
            return None
        except RecursionError:
            session.too_deep(span)
            return None
        if made is not None and not (config or free or given):  # what it expects is of itself as it stands
            from archdsl.analyses.expect import check_expectations

            check_expectations(session, made, item)
        if made is not None and problems.noted == noted:
            self.module.keep(key, made)
        return made

    def _copy(self) -> Problems:
        """The problems of syntax and imports, to which an elaboration adds."""
        problems = Problems()
        for one in self._found.sorted():
            problems.add(one)
        return problems

    def _name(self, name: str | None) -> str:
        names = self.names
        if name is None:
            self._found.raise_errors()
            if len(names) == 1:
                return names[0]
            told = f"it has {', '.join(names)}" if names else "it has none"
            raise NoSuchArch(f"{self.text.name}: name one architecture; {told}")
        if name not in names:
            self._found.raise_errors()
            raise NoSuchArch(
                f"{self.text.name} has no arch `{name}`; " + (did_you_mean(name, names) or f"it has {', '.join(names) or 'none'}")
            )
        return name


def _weights(before: Graph, passed: Passed, weights: Any) -> Any:
    """Weights of the graph before as those of the graph after; torch is loaded where a pass changed tensors."""
    if not passed.derived:
        return weights
    from archdsl.targets.torch.carried import carried

    return carried(before, passed, weights)


def load(source: str | Path | Source, include: Iterable[str | Path] = ()) -> Spec:
    """Load a file with its imports. `use` reads only below the file's project, the standard library and the `include` folders.

    Raises `ArchError` where the file cannot be read; problems in its text are the spec's `problems`.
    """
    problems = Problems()
    text = source if isinstance(source, Source) else read_source(source)
    path = None if isinstance(source, Source) else Path(source)
    reader, identity = reader_for(path, tuple(Path(one) for one in include), _parser(problems))
    module = Loader(reader, problems.add).load(identity, parse(text, problems))
    return Spec(text, module, problems)


def _parser(problems: Problems) -> Callable[[Path, str], tree.File]:
    @cache
    def read(path: Path, name: str) -> tree.File:
        return parse(read_source(path, name), problems)

    return read
