"""Words of the command line: values and targets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdsl.cli import commands
from archdsl.cli.literals import parse_value
from archdsl.cli.reading import split_target

COMMANDS = Path(commands.__path__[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("-1", -1),
        ("25_557", 25557),
        ("0.5", 0.5),
        ("1e-5", 1e-5),
        ("-2.5E3", -2500.0),
        ("true", True),
        ("false", False),
        ("none", None),
        ("relu", "relu"),
        ('"a b"', "a b"),
        (r'"\"\\\n\t"', '"\\\n\t'),
        ("[]", []),
        ("[3, 4,]", [3, 4]),
        (" [[1, 2.0], [none, gelu]] ", [[1, 2.0], [None, "gelu"]]),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_values(text: str, value: object) -> None:
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1 2",
        "[1",
        "[1 2]",
        "]",
        "1__0",
        "_ 1",
        '"open',
        "'single'",
        "9223372036854775808",
        "9" * 5000,
        "1e999",
        "[" * 200,
        "a.b",
        "{}",
        "1.",
        "[,]",
        '"\\q"',
        "64px",
    ],
)
def test_what_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_value(text)


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    try:
        parse_value(text)
    except ValueError as refused:
        told = str(refused)
        assert told


def written(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return (
        {True: "true", False: "false", None: "none"}.get(value, str(value))
        if not isinstance(value, float | int) or isinstance(value, bool)
        else repr(value)
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False), st.lists
    )
)
def test_what_is_written_is_read(value: object) -> None:
    assert parse_value(written(value)) == value


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("net.arch", "net.arch", None),
        ("net.arch:A", "net.arch", "A"),
        ("-", "-", None),
        ("-:A", "-", "A"),
        ("C:\\net.arch", "C:\\net.arch", None),
        ("C:\\net.arch:A", "C:\\net.arch", "A"),
        ("C:net", "C:net", None),
        ("a:b/net.arch", "a:b/net.arch", None),
        ("specs:A", "specs", "A"),
        ("net.arch:", "net.arch:", None),
        ("net.arch:1x", "net.arch:1x", None),
    ],
)
def test_targets(text: str, path: str, name: str | None) -> None:
    assert split_target(text) == (path, name)


def test_a_file_whose_name_has_a_colon(here) -> None:
    (here / "net:one").write_text("")
    assert split_target("net:one") == ("net:one", None)


def examples() -> list[str]:
    """The commands that `--help` shows, which name files of `specs/`."""
    texts = [path.read_text() for path in sorted(COMMANDS.glob("*.py"))]
    return [
        line.strip() for text in texts for line in text.splitlines() if line.startswith("      archdsl ") and "specs/" in line
    ]


@pytest.mark.parametrize("example", examples())
def test_the_examples_of_the_help_name_what_is_there(example: str, root: Path) -> None:
    named = [split_target(word) for word in shlex.split(example) if "specs/" in word or word.startswith(":")]
    file = named[0][0]
    for path, name in ((path, name) if "/" in path else (file, path[1:]) for path, name in named):
        assert (root / path).exists()
        if name is not None:
            assert re.search(rf"^(arch|variant) {name}\b", (root / path).read_text(), re.MULTILINE), example
