"""Writes the pages that follow from the code: `python -m docs.generate`. A test fails where they are stale."""

from __future__ import annotations

import re
from inspect import getdoc
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOTE = "<!-- Made by `python -m docs.generate`: edit the code, not this page. -->\n"


def operators() -> str:
    """Every operator: signature, page, arguments, examples; by family, layers first."""
    from archdsl.ops.page import arguments, examples, signature, summary
    from archdsl.ops.registry import all_ops

    families: dict[str, list] = {}
    for one in sorted(all_ops(), key=lambda one: (one.family, not one.layer, one.name)):
        families.setdefault(one.family, []).append(one)
    lines = [
        NOTE, "# Operators", "",
        "Layers have capital letters and own parameters, buffers or randomness; functions do not. What stands behind `*` is",
        "given by name. `archdsl ops NAME` shows the same in a terminal.", "",
    ]  # fmt: skip
    for family, ops in families.items():
        words = " ".join(f"[`{one.name}`](#{family}-{one.name})" for one in ops)
        lines += [f"* **{family}**: {words}"]
    for family, ops in families.items():
        lines += ["", f"## {family}"]
        for one in ops:
            lines += ["", f'<a id="{family}-{one.name}"></a>', f"### `{one.name}`", "", f"`{signature(one)}`", ""]
            lines += [escaped(getdoc(one) or summary(one))]
            told = list(arguments(one))
            if told:
                lines += ["", "| argument | may be | meaning |", "| --- | --- | --- |"]
                lines += [f"| `{name}` | `{cell(kind)}` | {cell(escaped(doc))} |" for name, kind, doc in told]
            shown = list(examples(one))
            if shown:
                lines += ["", "```text"]
                broad = min(max(len(step) for step, _, _ in shown), 60)
                lines += [f"{step:{broad}}  {types}" + (f"    # {remark}" if remark else "") for step, types, remark in shown]
                lines += ["```"]
    return "\n".join(lines) + "\n"


def problems() -> str:
    """Every problem: its code and its page."""
    from archdsl.problems.registry import all_problems

    found = all_problems()
    lines = [NOTE, "# Problems", "", "`archdsl explain CODE` shows the same in a terminal.", ""]
    lines += ["| code | what it says |", "| --- | --- |"]
    lines += [f"| [`{code}`](#{code}) | {cell(first_sentence(kind))} |" for code, kind in found.items()]
    for code, kind in found.items():
        lines += ["", f"## {code}", "", f"*{kind.severity}*", "", page(getdoc(kind) or "")]
    return "\n".join(lines) + "\n"


def passes() -> str:
    """Every pass: its page and its options; by folder."""
    from archdsl.passes.registry import every_pass
    from archdsl.records import parts

    rooms: dict[str, list] = {}
    for kind in every_pass().values():
        rooms.setdefault(kind.__module__.split(".")[-2], []).append(kind)
    lines = [
        NOTE, "# Passes", "",
        "A pass rewrites a graph before anything is made of it: `archdsl compile --pass WORD`, or with options,",
        '`--pass "constants{most=16}"`; in Python `passes=("fold-batchnorm",)`. Weights are carried.', "",
    ]  # fmt: skip
    for room, kinds in rooms.items():
        lines += [f"* **{room}**: " + " ".join(f"[`{one.word}`](#{one.word})" for one in kinds)]
    for room, kinds in rooms.items():
        lines += ["", f"## {room.capitalize()}"]
        for one in kinds:
            told = "It changes the function." if not one.exact else "For inference." if one.evaluation else ""
            options = ", ".join(f"`{name}={shown(value)}`" for name, value in parts(one()))
            lines += ["", f"### {one.word}", "", escaped(getdoc(one) or "")]
            lines += ["", f"Options: {options}."] if options else []
            lines += ["", told] if told else []
    return "\n".join(lines) + "\n"


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def first_sentence(kind: type) -> str:
    paragraph = " ".join((getdoc(kind) or "").split("\n\n", 1)[0].split())
    return paragraph.split(". ", 1)[0].rstrip(".:") + "."


def page(text: str) -> str:
    """A problem's page; its examples raise it, so that they are no program for the tests of the documents."""
    return re.sub(r"^(\s*)```(?:arch|sh|console|python)\b.*$", r"\1```text", text, flags=re.MULTILINE)


def escaped(text: str) -> str:
    """Markdown in which `[N, C]` and `a * b` outside of code stay what they are."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*<_\[\]])", r"\\\1", part) for part in parts)


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def picture() -> str:
    """The diagram of README's first program."""
    import archdsl
    from archdsl.source import Source

    found = re.search(r"```arch\n(# small\.arch\n.*?)```", (HERE.parent / "README.md").read_text(), re.DOTALL)
    assert found is not None
    drawn = archdsl.load(Source("small.arch", found[1])).draw("Small", format="svg")
    return drawn if isinstance(drawn, str) else drawn.decode()


PAGES = {"reference/operators.md": operators, "reference/problems.md": problems, "reference/passes.md": passes}
"""Page → what makes it. The picture depends on the Graphviz of the machine, and is only made here."""


def main() -> None:
    from archdsl.files.writing import write_whole

    for name, make in (*PAGES.items(), ("images/small.svg", picture)):
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(str(path), make().encode())
        print(path.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
