"""A spec whose graphs go through passes before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from archdsl.compiler import Spec
from archdsl.elaborate.archs import Elaborated
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import UnknownPass, read_pass
from archdsl.records import changed


class PassedSpec(Spec):
    """The spec with its graphs rewritten, one pass after the other; `refusals` is what they left as it is."""

    def __init__(self, spec: Spec, passes: tuple[Pass, ...]) -> None:
        self.__dict__.update(spec.__dict__)
        self.passes = passes
        self.refusals: dict[str, list[Refusal]] = {}
        self._passed: dict[int, tuple[Elaborated, Elaborated]] = {}

    def elaborate(
        self, name: str | None = None, /, *, given: Iterable[str] = (), dtype: str | None = None,
        free: Mapping[str, Any] | None = None, **config: Any,
    ) -> Elaborated:  # fmt: skip
        made = super().elaborate(name, given=given, dtype=dtype, free=free, **config)
        if id(made) not in self._passed:
            graph = made.graph
            for one in self.passes:
                graph = one.run(graph, float=dtype or "f32", refusals=self.refusals.setdefault(one.word, []), verify=not free)
            self._passed[id(made)] = (made, changed(made, graph=graph))
        return self._passed[id(made)][1]


def through(spec: Spec, texts: tuple[str, ...]) -> Spec:
    """The spec through the passes as they are written on the command line. Raises `click.BadParameter`."""
    try:
        return PassedSpec(spec, tuple(map(read_pass, texts))) if texts else spec
    except UnknownPass as fault:
        raise click.BadParameter(str(fault), param_hint="--pass") from None


def reasons(spec: Spec) -> list[str]:
    """What the passes found and left as it is, and why, each once."""
    found = spec.refusals if isinstance(spec, PassedSpec) else {}
    return list(dict.fromkeys(f"{word}: {one}" for word, several in found.items() for one in several))
