"""The passes of a command line: read with their options, and what they left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from archdsl.compiler import Spec
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import UnknownPass
from archdsl.passes.sequence import read_passes, through


def passes_of(texts: tuple[str, ...]) -> tuple[Pass, ...]:
    """The passes as they are written on the command line. Raises `click.BadParameter`."""
    try:
        return read_passes(texts)
    except UnknownPass as fault:
        raise click.BadParameter(str(fault), param_hint="--pass") from None


def reasons(spec: Spec, name: str, passes: tuple[Pass, ...], options: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """What the passes found and left as it is, and why, each once. `options` may have `given` and `dtype`."""
    chosen = {key: options[key] for key in ("given", "dtype") if key in options}
    found: dict[str, list[Refusal]] = {}
    through(spec.graph(name, **chosen, **config), passes, float=options.get("dtype", "f32"), refusals=found)
    return list(dict.fromkeys(f"{word}: {one}" for word, several in found.items() for one in several))
