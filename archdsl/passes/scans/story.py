"""What was found in a scan, and in which form it is computed."""

from __future__ import annotations

from archdsl.records import record
from archdsl.source import Span


@record
class Finding:
    """One thing that was found, in words, and where."""

    words: str
    span: Span | None = None

    def __str__(self) -> str:
        return self.words if self.span is None else f"{self.words}  ({self.span.source.name}:{self.span.line})"


@record
class Story:
    """Of one scan: the block that it stands in, its place, its form and why it has it."""

    block: str
    form: str
    findings: tuple[Finding, ...]
    span: Span | None = None

    def __str__(self) -> str:
        place = "" if self.span is None else f" ({self.span.source.name}:{self.span.line})"
        return "\n".join([f"scan in {self.block}{place}: {self.form}", *(f"  {one}" for one in self.findings)])
