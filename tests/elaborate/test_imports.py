"""Imports (sections 3 and 10): where they lead, what they bring, circles, what is outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.compiler import load
from archdsl.problems.problem import Problem


def check(folder: Path, main: str, **files: str) -> list[Problem]:
    """Write the files (`a__b` is a/b.arch) and check main.arch."""
    (folder / "pyproject.toml").touch()
    for name, text in {**files, "main": main}.items():
        path = folder / (name.replace("__", "/") + ".arch")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(load(folder / "main.arch").check())


NET = "arch Net(x: [N, 8]) {{ {} }}\n"
BLOCKS = (
    "let width = 4\nblock Stem { fc: Linear(width) }\nfn twice(v) = 2 * v\nblock Two(n: int) { a: Stem; b: Linear(twice(n)) }\n"
)


@pytest.mark.parametrize(
    ("use", "body"),
    [
        ('use "./blocks.arch" { Stem }', "Stem"),
        ('use "./blocks.arch" { Stem as Root, twice }', "Root; Linear(twice(3))"),
        ('use "./blocks.arch"', "Two(3); Stem"),
        ("use blocks { Stem }", "Stem"),
    ],
)
def test_imports(tmp_path: Path, use: str, body: str) -> None:
    assert [one.message() for one in check(tmp_path, f"{use}\n{NET.format(body)}", blocks=BLOCKS)] == []


def test_an_import_is_relative_to_its_file(tmp_path: Path) -> None:
    assert (
        check(
            tmp_path,
            'use "./lib/a.arch" { A }\n' + NET.format("A"),
            lib__a='use "./b.arch" { B }\nblock A { B }',
            lib__b="block B { Linear(3) }",
        )
        == []
    )


@pytest.mark.parametrize(
    ("main", "code"),
    [
        ('use "./blocks.arch" { Stam }\n' + NET.format("relu"), "import-not-found"),
        ('use "./none.arch" { Stem }\n' + NET.format("relu"), "import-not-found"),
        ('use "../../../etc/passwd" { Stem }\n' + NET.format("relu"), "import-outside-root"),
        ('use "/etc/passwd" { Stem }\n' + NET.format("relu"), "import-outside-root"),
        ('use "./main.arch" { Net }\n' + NET.format("relu"), "import-circle"),
        ('use "./blocks.arch" { Stem }\nblock Stem { relu }\n' + NET.format("Stem"), "already-bound"),
        ('use "./again.arch" { Stem }\n' + NET.format("Stem"), "import-not-found"),
    ],
)
def test_refusals(tmp_path: Path, main: str, code: str) -> None:
    found = check(tmp_path, main, blocks=BLOCKS, again='use "./blocks.arch" { Stem }')
    assert code in [one.code for one in found]


def test_a_circle_is_named(tmp_path: Path) -> None:
    files = {f"m{i}": f'use "./m{(i + 1) % 12}.arch"\nblock B{i} {{ relu }}' for i in range(12)}
    found = check(tmp_path, 'use "./m0.arch" { B0 }\n' + NET.format("B0"), **files)
    assert [one.code for one in found] == ["import-circle"]
    assert "m0.arch -> m1.arch" in found[0].message()


def test_a_problem_in_an_imported_file_is_shown_there(tmp_path: Path) -> None:
    found = check(tmp_path, 'use "./blocks.arch" { Bad }\n' + NET.format("Bad"), blocks="block Bad { Liner(4) }")
    assert [(one.code, one.at.text, one.at.source.name.endswith("blocks.arch")) for one in found] == [
        ("unknown-layer", "Liner", True)
    ]
    assert found[0].chain


def test_include_folders(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "parts.arch").write_text("block Part { Linear(3) }")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    main = tmp_path / "project" / "main.arch"
    main.write_text("use parts { Part }\n" + NET.format("Part"))
    assert [one.code for one in load(main).check() if one.severity == "error"] == ["import-not-found"]
    assert load(main, include=[tmp_path / "inc"]).check() == ()


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("std.vison", "did you mean `std.vision`?"),
        ('"./block.arch"', 'did you mean "./blocks.arch"?'),
        ("parts.block", "did you mean `parts.blocks`?"),
        ("std", "std.layers"),
    ],
)
def test_a_file_that_is_not_there_is_guessed(tmp_path: Path, use: str, told: str) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("blocks.arch", "parts/blocks.arch"):
        (tmp_path / name).write_text("block B(x: [N, C]) { relu }\n")
    (tmp_path / "main.arch").write_text(f"use {use} {{ B }}\narch Net(x: [N, 8]) {{ B }}\n")
    (found,) = load(tmp_path / "main.arch").check()
    assert found.code == "import-not-found"
    assert told in (found.help or "")
