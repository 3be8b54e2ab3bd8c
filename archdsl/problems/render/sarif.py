"""Problems as SARIF 2.1.0 (OASIS), which code-scanning services read."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from inspect import getdoc
from json import dumps
from typing import Any
from urllib.parse import quote

from archdsl import __version__
from archdsl.problems.collector import MAX_SHOWN
from archdsl.problems.problem import Problem
from archdsl.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(problems: Iterable[Problem], color: bool = False) -> str:
    """One SARIF log with one run; never coloured."""
    del color
    found = tuple(problems)[:MAX_SHOWN]
    kinds = {type(one).code: type(one) for one in found}
    rules = sorted(kinds)
    seen: dict[str, int] = {}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "archdsl",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(kinds[code]) for code in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, rules.index(one.code), seen) for one in found],
            }
        ],
    }
    return dumps(log, indent=2) + "\n"


def _rule(kind: type[Problem]) -> dict[str, Any]:
    """The description of one code: the first line of its page and the page."""
    page = getdoc(kind) or kind.code
    return {
        "id": kind.code,
        "name": kind.__name__,
        "shortDescription": {"text": page.splitlines()[0]},
        "fullDescription": {"text": page},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": kind.severity},
    }


def _result(problem: Problem, rule: int, seen: dict[str, int]) -> dict[str, Any]:
    """One problem; what a result has no room for (notes, help) joins its message."""
    words = [problem.message(), *problem.notes]
    if problem.help is not None:
        words.append(f"help: {problem.help}")
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": "\n".join(words)},
        "locations": [{"physicalLocation": _place(problem.at)}],
        "partialFingerprints": {"archdsl/v1": _fingerprint(problem, seen)},
    }
    related = [(other.span, other.text) for other in problem.others]
    related += [(frame.span, f"in block {frame.block} called here") for frame in problem.chain]
    if related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _place(span), "message": {"text": text or "see also"}}
            for number, (span, text) in enumerate(related, 1)
        ]
    fix = problem.fix
    if fix is not None:
        place = _place(fix.span)
        replacement = {"deletedRegion": place["region"], "insertedContent": {"text": fix.text}}
        change = {"artifactLocation": place["artifactLocation"], "replacements": [replacement]}
        result["fixes"] = [{"description": {"text": fix.title}, "artifactChanges": [change]}]
    return result


def _place(span: Span) -> dict[str, Any]:
    """A physical location; the file's name as a relative URI."""
    start_line, start_column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "artifactLocation": {"uri": quote(span.source.name.replace("\\", "/").removeprefix("./"), safe="/-._~")},
        "region": {
            "startLine": start_line,
            "startColumn": start_column,
            "endLine": end_line,
            "endColumn": end_column,
            "charOffset": span.start,
            "charLength": span.end - span.start,
        },
    }


def _fingerprint(problem: Problem, seen: dict[str, int]) -> str:
    """The same for the same fault after lines were added above it: code, file, the line's text, and which of equal ones it is."""
    line = problem.at.source.line(problem.at.line).strip()
    key = "\0".join((problem.code, problem.at.source.name, line))
    seen[key] = seen.get(key, 0) + 1
    return sha256(f"{key}\0{seen[key]}".encode("utf-8", "backslashreplace")).hexdigest()[:32]
