"""Writes a summary as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archdsl.dims.dim import Dim, Size
from archdsl.ir.node import Path

if TYPE_CHECKING:
    from archdsl.analyses.summary import Row, Summary

LONGEST = 34
"""A symbolic count that is longer than this is left out of the table: its dimensions are to be bound."""


@dataclass(frozen=True)
class Totals:
    """The sums at the foot: counts of numbers, and bytes."""

    parameters: Size
    buffers: Size
    macs: Size
    parameter_bytes: Size
    buffer_bytes: Size
    activation_bytes: Size

    def items(self) -> Iterator[tuple[str, Size]]:
        """Names and values."""
        for name in self.__dataclass_fields__:
            yield name, getattr(self, name)


def render(summary: Summary) -> str:
    """The table as text, without a last new line."""
    head = ("layer", "type", "output", "params", "MACs")
    outer = [(name, "input", str(type), "", "") for name, type in summary.inputs]
    body = [head, *outer, *(_cells(row, above) for row, above in zip(summary.rows, _above(summary.rows), strict=True))]
    widths = [max(len(cells[at]) for cells in body) for at in range(5)]
    lines = [_line(cells, widths) for cells in body]
    rule = "─" * max(len(line) for line in lines)
    told = ", ".join(f"{name}={size}" for name, size in summary.bound)
    title = summary.name + (f"  ({told})" if told else "")
    parts = [title, rule, lines[0], rule, *lines[1:], rule, *_foot(summary)]
    return "\n".join(parts)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = "  ".join(cell.ljust(width) for cell, width in zip(cells[:3], widths, strict=False))
    right = "  ".join(cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True))
    return f"{left}  {right}".rstrip()


def _above(rows: Sequence[Row]) -> Iterator[Path]:
    """For each row the path of the row that it stands in."""
    open_rows: list[Path] = []
    for row in rows:
        del open_rows[row.depth :]
        yield open_rows[-1] if open_rows else ()
        open_rows.append(row.path)


def _cells(row: Row, above: Path) -> tuple[str, str, str, str, str]:
    params = "again" if row.again else "tied" if row.tied else _times(row.count, row.parameters)
    word = row.word + (f" × {row.count}" if row.count > 1 and row.word else "")
    place = "  " * row.depth + place_text(row.path, row.last, above)
    return place, word, ", ".join(map(str, row.types)), params, _times(row.count, row.macs)


def _times(count: int, size: Size) -> str:
    told = count_text(size)
    if size == 0 or count == 1 or told == "…":
        return told if size != 0 else "–"
    return f"{count} × ({told})" if " + " in told else f"{count} × {told}"


def place_text(path: Path, last: Path, above: Path = ()) -> str:
    """The dotted path below `above`; of several alike, first to last, the segment that counts as a range: `h.0–11`."""
    said = [one if one == other else f"{one}–{other}" for one, other in zip(path, last, strict=False)]
    return ".".join(said[len(above) :] if path[: len(above)] == above and len(path) > len(above) else said[-1:])


def count_text(size: Size) -> str:
    """A count with separators, or a symbolic one if it is short."""
    if isinstance(size, Dim):
        told = str(size)
        return told if len(told) <= LONGEST else "…"
    return f"{size:,}"


def bytes_text(size: Size) -> str:
    """Bytes in the unit that suits: `97.8 MiB`."""
    if isinstance(size, Dim):
        told = str(size)
        return f"{told} bytes" if len(told) <= 100 else "depends on " + ", ".join(sorted(size.symbols))
    amount, unit = float(size), "bytes"
    for bigger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, bigger
    return f"{size:,} bytes" if unit == "bytes" else f"{amount:,.1f} {unit}"


def _foot(summary: Summary) -> Iterator[str]:
    totals = summary.totals
    buffers = f", {count_text(totals.buffers)} in buffers ({bytes_text(totals.buffer_bytes)})" if totals.buffers != 0 else ""
    yield f"parameters   {count_text(totals.parameters)} trainable ({bytes_text(totals.parameter_bytes)} at f32){buffers}"
    told = str(totals.macs) if isinstance(totals.macs, Dim) else count_text(totals.macs)
    yield f"MACs         {told if len(told) <= 100 else 'depends on ' + _symbols(totals.macs)}"
    yield f"activations  {bytes_text(totals.activation_bytes)}{'' if isinstance(totals.activation_bytes, Dim) else ' at f32'}"
    free = sorted(_free(summary))
    if free:
        yield "give sizes:  " + " ".join(f"--bind {name}=…" for name in free)


def _symbols(size: Size) -> str:
    return ", ".join(sorted(size.symbols)) if isinstance(size, Dim) else ""


def _free(summary: Summary) -> set[str]:
    found: set[str] = set()
    for _, type in summary.inputs:
        for size in type.shape:
            if isinstance(size, Dim):
                found |= size.symbols
    return found
