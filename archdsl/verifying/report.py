"""What a verification found: every comparison, as a table for people and as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """One comparison: which product, on what, at which sizes, how far apart, how far it may be."""

    product: str
    what: str
    """The output's name, `gradients`, or `run` where the product did not run."""
    binding: Mapping[str, int]
    distance: float = 0.0
    allowed: float = 0.0
    reason: str = ""
    """Why it failed, where it is not the distance."""

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return not self.reason and self.distance <= self.allowed


@dataclass
class Report:
    """The comparisons of one arch; `ok` where all agree."""

    arch: str
    seed: int
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every comparison holds, and there is one."""
        return bool(self.checks) and all(one.ok for one in self.checks)

    @property
    def bindings(self) -> list[Mapping[str, int]]:
        """The sizes that were tried."""
        found: list[Mapping[str, int]] = []
        for one in self.checks:
            if one.binding not in found:
                found.append(one.binding)
        return found

    def __str__(self) -> str:
        return "\n".join([*self._table(), *self._faults(), self._verdict()])

    def _table(self) -> list[str]:
        """A line for each choice of sizes and output, a column for each product."""
        products = list(dict.fromkeys(one.product for one in self.checks))
        cells: dict[tuple[str, str], dict[str, str]] = {}
        for one in self.checks:
            row = cells.setdefault((sizes(one.binding), one.what), {})
            told = "see below" if one.reason else f"{one.distance:.1e} of {one.allowed:.1e}"
            row[one.product] = told if one.ok else f"✗ {told}"
        rows = [["sizes", "compared", *products]]
        rows += [[*key, *(row.get(product, "") for product in products)] for key, row in cells.items()]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]

    def _faults(self) -> list[str]:
        wrong = [one for one in self.checks if not one.ok]
        told = [f"  {one.product}, {one.what} at {sizes(one.binding)}: {one.reason or 'too far apart'}" for one in wrong]
        return ["", *told] if told else []

    def _verdict(self) -> str:
        wrong = sum(not one.ok for one in self.checks)
        if wrong:
            return f"\n{self.arch}: {wrong} of {len(self.checks)} comparisons fail (seed {self.seed})"
        return f"\n{self.arch}: all {len(self.checks)} comparisons agree (seed {self.seed})"

    def as_json(self) -> dict[str, Any]:
        """The same as data for `--json`."""
        return {
            "arch": self.arch,
            "ok": self.ok,
            "seed": self.seed,
            "bindings": [dict(one) for one in self.bindings],
            "checks": [
                {"product": one.product, "compared": one.what, "sizes": dict(one.binding), "ok": one.ok, "distance": one.distance,
                 "allowed": one.allowed, "reason": one.reason}
                for one in self.checks
            ],
        }  # fmt: skip


def sizes(binding: Mapping[str, int]) -> str:
    """`N=3 H=32`."""
    return " ".join(f"{name}={number}" for name, number in binding.items()) or "fixed"
