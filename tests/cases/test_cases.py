"""A case is one input and every stage's answer to it in one file; read in order, they are a tour. `--update` rewrites answers.

A case file is prose, then its fences of `arch` (several files, configuration: as in `tests/problems/golden_file.py`), then a
section for each stage that answers. An answer that no stage gives any more fails, and so does a file that is no case.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl import load
from tests.cases.stages import FENCES, answers
from tests.problems.golden_file import MAIN, Case, write_files

FOLDER = Path(__file__).parent
CASES = sorted(FOLDER.glob("*.md"))
LONGEST = 180
"""Lines of a case: who wants more reads `specs/`."""
_SECTION = re.compile(r"^## ([^\n]+)\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_every_stage_answers_as_the_case_shows(path: Path, update_goldens: bool, tmp_path, monkeypatch) -> None:
    text = path.read_text()
    question, _, answered = text.partition("\n## Problems\n")
    monkeypatch.chdir(tmp_path)
    case = Case.read(question)
    said = answers(case, tmp_path)
    assert str(tmp_path) not in "".join(said.values())
    if update_goldens:
        sections = [f"## {stage}\n```{FENCES[stage]}\n{answer}```" for stage, answer in said.items()]
        path.write_text("\n\n".join([question.rstrip("\n"), *sections]) + "\n")
    else:
        shown = {stage: answer for stage, _, answer in _SECTION.findall(text)}
        assert set(shown) - set(said) == set(), "answers that no stage gives"
        assert shown == said
        assert question.count("```arch") == len(case.files), "of two inputs of one name the last counts"
        assert answered.count("\n## ") == len(shown) - 1, "a section that is no answer"


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_a_case_is_short_and_says_what_it_shows(path: Path) -> None:
    title, empty, first, *rest = path.read_text().splitlines()
    assert title.startswith("# ")
    assert not empty
    assert first
    assert not first.startswith("```"), "a line that says what to see"
    assert len(rest) + 3 < LONGEST


@pytest.mark.parametrize("path", [one for one in CASES if "\n## PyTorch\n" in one.read_text()], ids=name_of)
def test_what_a_case_shows_agrees_where_it_is_run(path: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = Case.read(path.read_text())
    write_files(case, tmp_path)
    spec = load(Path(MAIN))
    report = spec.verify(spec.names[-1], **case.config)
    assert report.ok, str(report)


def test_the_folder_holds_cases_and_nothing_else() -> None:
    assert [one.name for one in FOLDER.iterdir() if one.name != "__pycache__" and one.suffix not in (".md", ".py")] == []
