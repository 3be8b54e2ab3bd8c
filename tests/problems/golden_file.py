"""A golden: one markdown file with the smallest program that has a problem, and the picture of the problem.

# shape-mismatch

A code may have several goldens: `shape-mismatch.md`, `shape-mismatch--skip.md`. Text before the first fence says why.

```arch
the program; `arch blocks.arch` in the fence's head makes a further file, `arch part{0..70}.arch` one for each number, which
is `{i}` in its text and the next `{next}`; `arch classes=10` sets configuration of the last arch, `arch --step` takes one step of
the last arch, `arch --torch` prints its source, `arch --pass=dead-values` runs a pass on it
```

```bytes
a Python bytes literal, optionally `* N`, for what is no text; `bytes weights.safetensors` names the file
```

```toml map.toml
a weight map: then the problem is that of converting the weights, which are the json `{name: shape}`, forwards or (in
`json back.json`) backwards; a name with `=` and a number after it is that number everywhere, others count up
```

```json grown.json
configuration: then the problem is that of carrying the weights of the last arch to it so that the function stays
```

```edit
a selector; under it an edit of what it selects in the last arch, if there is one: `insert_after Dropout(0.1)`
```

```text
what `archdsl check` says
```
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from inspect import getdoc
from pathlib import Path
from typing import Any

from archdsl.problems.problem import ArchError, Problem
from archdsl.problems.registry import all_problems
from archdsl.problems.render.text import render

FOLDER = Path(__file__).parent / "goldens"
MAIN = "case.arch"
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Case:
    """The files of a case by name, the configuration, and the picture (empty in a new one)."""

    files: dict[str, bytes]
    config: dict[str, object]
    picture: str
    step: bool = False
    passes: tuple[str, ...] = ()
    torch: bool = False

    @classmethod
    def read(cls, text: str) -> Case:
        files: dict[str, bytes] = {}
        config: dict[str, object] = {}
        picture = ""
        step = torch = False
        passes: tuple[str, ...] = ()
        for kind, head, body in _FENCE.findall(text):
            if kind == "text":
                picture = body
            elif kind == "edit":
                files["edit.txt"] = body.encode()
            elif kind in ("arch", "bytes", "toml", "json"):
                name = MAIN
                step, torch = step or "--step" in head.split(), torch or "--torch" in head.split()
                for word in head.replace("--step", "").replace("--torch", "").split():
                    key, equals, value = word.partition("=")
                    if key == "--pass":
                        passes = (*passes, value)
                    elif equals:
                        config[key] = ast.literal_eval(value)
                    else:
                        name = word
                for one, text_of_one in _numbered(name, body):
                    files[one] = text_of_one.encode() if kind != "bytes" else _bytes(body)
        return cls(files, config, picture, step, passes, torch)


def _numbered(name: str, body: str) -> list[tuple[str, str]]:
    """`part{0..70}.arch` as 70 files."""
    found = re.search(r"\{(\d+)\.\.(\d+)\}", name)
    if found is None:
        return [(name, body)]
    before, after = name[: found.start()], name[found.end() :]
    numbers = range(int(found[1]), int(found[2]))
    return [(f"{before}{i}{after}", body.replace("{i}", str(i)).replace("{next}", str(i + 1))) for i in numbers]


def goldens() -> list[str]:
    """The names of all goldens: codes, and `code--case`."""
    return sorted({path.stem for path in FOLDER.glob("*.md")} | set(all_problems()))


def _bytes(text: str) -> bytes:
    literal, _, times = text.strip().rpartition(" * ")
    value: bytes = ast.literal_eval(literal or times)
    return value * int(times) if literal else value


def write_files(case: Case, folder: Path) -> None:
    """The files of a case, below `folder`."""
    for name, data in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def find(case: Case, folder: Path) -> tuple[Problem, ...]:
    """What `check`, or making one step, finds in the case, whose files are written below `folder`."""
    from archdsl import load
    from archdsl.passes.registry import read_pass

    write_files(case, folder)
    try:
        if {"map.toml", "weights.safetensors"} & set(case.files):
            from tests.problems.converted import convert_case

            return convert_case(case.files)
        spec = load(Path(MAIN))
        if "grown.json" in case.files:
            from tests.problems.converted import grow_case

            return grow_case(spec, case.files["grown.json"])
        if "edit.txt" in case.files:
            _edit(spec, case.files["edit.txt"].decode(), case.passes)
        if case.step or case.torch:
            spec.source(spec.names[-1], step=case.step)
        for one in case.passes:
            read_pass(one).run(spec.graph(spec.names[-1]))
        return spec.check(spec.names[-1], case.config) if case.config and spec.names else spec.check()
    except ArchError as fault:
        return fault.problems


def _edit(spec: Any, text: str, passes: tuple[str, ...]) -> None:
    """Select, in what the passes made, and do what stands in the second line."""
    selector, _, edit = text.rstrip("\n").partition("\n")
    selection = spec.graph(spec.names[-1], passes=passes).select(selector)
    if edit:
        method, _, given = edit.partition(" ")
        arguments = dict(one.split("=") for one in given.split(", ")) if method == "set" else {}
        getattr(selection, method)(*([given] if given and not arguments else []), **arguments)


def show(problems: tuple[Problem, ...], code: str) -> str:
    """The picture of the case: its own problem first, and only problems of that code where there are several."""
    return render([one for one in problems if one.code == code])


def write(path: Path, picture: str) -> None:
    """Put a new picture into a golden."""
    text = path.read_text()
    fence = f"```text\n{picture}```"
    found = re.search(r"^```text\n.*?^```$", text, re.MULTILINE | re.DOTALL)
    path.write_text(text[: found.start()] + fence + text[found.end() :] if found else text.rstrip("\n") + f"\n\n{fence}\n")


def make_missing() -> list[str]:
    """Start a golden from the page's example for every code that has none; the codes."""
    made = []
    for code, kind in all_problems().items():
        path = FOLDER / f"{code}.md"
        fences: list[Any] = [fence for fence in _FENCE.findall(getdoc(kind) or "") if fence[0] == "arch"]
        if not path.exists() and fences:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(f"# {code}\n\n" + "\n\n".join(f"```{kind}{head}\n{body}```" for kind, head, body in fences) + "\n")
            made.append(code)
    return made
