"""A language for neural-network architectures: `load` a spec, then check, build, export and draw it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.compiler import Spec, load
    from archdsl.problems.problem import ArchError
    from archdsl.targets.arch.source import print_arch

__version__ = "0.1.0"
__all__ = ["ArchError", "Spec", "__version__", "load", "print_arch"]

_HOMES = {
    "load": "archdsl.compiler",
    "Spec": "archdsl.compiler",
    "ArchError": "archdsl.problems.problem",
    "print_arch": "archdsl.targets.arch.source",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first asked for, so that `archdsl --version` pays for none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
