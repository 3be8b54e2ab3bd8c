"""Every kind of problem is found, has a page, and the page has an example."""

from __future__ import annotations

import re
from inspect import getdoc

import pytest

from archdsl.problems import registry
from archdsl.problems.registry import all_problems


def test_codes_are_kebab_case_and_sorted() -> None:
    codes = list(all_problems())
    assert codes == sorted(codes)
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", code) for code in codes)


@pytest.mark.parametrize("code", all_problems())
def test_every_problem_has_its_page(code: str) -> None:
    kind = all_problems()[code]
    page = getdoc(kind) or ""
    assert "__doc__" in vars(kind)
    assert not page.startswith(f"{kind.__name__}("), "the docstring that dataclass makes is no page"
    assert re.search(r"```(arch|sh)\b", page), "a page shows an example that raises the problem"
    assert len(page.split("\n\n")) >= 2
    assert kind.severity in ("error", "warning")
    assert "message" in {name for parent in kind.__mro__[:-2] for name in vars(parent) if parent.__name__ != "Problem"}


def test_a_code_that_two_classes_have_is_refused(tmp_path, monkeypatch) -> None:
    room = tmp_path / "twice_package"
    room.mkdir()
    one = "from archdsl.problems.problem import Problem\nclass {}(Problem):\n    code = 'same-code'\n"
    (room / "__init__.py").write_text("")
    (room / "problems.py").write_text(one.format("One"))
    (room / "more_problems.py").write_text(one.format("Two"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "ROOT", room)
    with pytest.raises(ValueError, match="same-code"):
        all_problems.__wrapped__()
