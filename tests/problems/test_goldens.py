"""Every problem has a golden: the smallest program that has it, and its picture. `--update-goldens` rewrites the pictures.

With `--update-goldens` a code without a golden gets one from the example on its page. A golden without a code fails.
"""

from __future__ import annotations

from inspect import getdoc

import pytest

from archdsl.problems.registry import all_problems
from tests.problems.golden_file import FOLDER, Case, find, goldens, make_missing, show, write


def test_every_code_has_a_golden_and_no_golden_lacks_its_code(update_goldens: bool) -> None:
    if update_goldens:
        make_missing()
    golden = {path.stem.split("--")[0] for path in FOLDER.glob("*.md")}
    assert golden - set(all_problems()) == set(), "goldens of codes that are gone"
    assert set(all_problems()) - golden == set(), "codes without a golden"


@pytest.mark.parametrize("name", goldens())
def test_the_golden_is_what_check_says(name: str, update_goldens: bool, tmp_path, monkeypatch) -> None:
    path = FOLDER / f"{name}.md"
    code = name.split("--")[0]
    if update_goldens:
        make_missing()
    assert path.exists(), f"{code} has no golden: write {path.name}, or give its page an example and run --update-goldens"
    text = path.read_text()
    assert text.startswith(f"# {code}\n")
    case = Case.read(text)
    monkeypatch.chdir(tmp_path)
    problems = find(case, tmp_path)
    assert code in {problem.code for problem in problems}, f"found instead: {[one.code for one in problems]}"
    picture = show(problems, code)
    assert str(tmp_path) not in picture
    if update_goldens:
        write(path, picture)
    else:
        assert picture == case.picture


@pytest.mark.parametrize("code", [code for code, kind in all_problems().items() if "```arch" in (getdoc(kind) or "")])
def test_the_example_of_the_page_raises_the_problem(code: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = find(Case.read(getdoc(all_problems()[code]) or ""), tmp_path)
    assert code in {problem.code for problem in found}, f"found instead: {[one.code for one in found]}"
