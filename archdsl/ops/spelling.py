"""How operators spell their PyTorch calls: arguments that still have their default are left out."""

from __future__ import annotations

from typing import Any

from archdsl.ops.contract import Code, Op, TorchTape


def changed(op: Op, *names: str) -> dict[str, Any]:
    """The named arguments of `op` that differ from their defaults, in the order given; `axis` is PyTorch's `dim`."""
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(op, name)
        if value != op.fields[name].default:
            found["dim" if name == "axis" else name] = value
    return found


def unpacked(tape: TorchTape, call: Code) -> Code:
    """A call that gives a tuple in PyTorch, however many results there are: of one, its only part."""
    return call if len(tape.outputs) > 1 else Code(f"{call}[0]")
