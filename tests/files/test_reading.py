"""Reading: what is no readable text is a problem with a place, at once."""

from __future__ import annotations

import os
import socket
import time

import pytest

from archdsl.files.reading import read_source
from archdsl.problems.problem import ArchError
from archdsl.source import MAX_SOURCE_BYTES


def fault(path):
    with pytest.raises(ArchError) as caught:
        read_source(path)
    (problem,) = caught.value.problems
    return problem


def test_text_comes_as_a_source(tmp_path) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    source = read_source(path)
    assert source.text == "one\ntwo"
    assert source.name == path.as_posix()
    assert read_source(path, "net.arch").name == "net.arch"


def test_a_missing_file(tmp_path) -> None:
    problem = fault(tmp_path / "no.arch")
    assert problem.code == "unreadable-file"
    assert "no such file" in problem.message()


def test_a_folder(tmp_path) -> None:
    assert "folder" in fault(tmp_path).message()


def test_a_file_as_a_folder(tmp_path) -> None:
    (tmp_path / "a").write_text("")
    assert fault(tmp_path / "a" / "b.arch").code == "unreadable-file"


@pytest.mark.parametrize("name", ["a\0b.arch", "x" * 5000 + ".arch"])
def test_an_impossible_name(name: str) -> None:
    assert fault(name).code == "unreadable-file"


def test_a_link_circle(tmp_path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "a")
    assert fault(tmp_path / "a").code == "unreadable-file"


def test_a_pipe_does_not_hang(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.arch")
    before = time.monotonic()
    assert "pipe" in fault(tmp_path / "pipe.arch").message()
    assert time.monotonic() - before < 1


def test_devices_and_sockets(tmp_path) -> None:
    assert fault("/dev/zero").code == "unreadable-file"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s.arch"))
        assert fault(tmp_path / "s.arch").code == "unreadable-file"


def test_a_forbidden_file(tmp_path, monkeypatch) -> None:
    def refuse(*_: object) -> int:  # permissions do not bind root, who may run the tests
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.arch").write_text("")
    monkeypatch.setattr(os, "open", refuse)
    assert "permission denied" in fault(tmp_path / "a.arch").message()


def test_a_huge_sparse_file_is_not_read(tmp_path) -> None:
    with open(tmp_path / "big.arch", "wb") as file:
        file.truncate(5 << 30)
    problem = fault(tmp_path / "big.arch")
    assert problem.code == "source-too-large"
    assert "5,368,709,120" in problem.message()


def test_the_limit_itself_is_allowed(tmp_path) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes(b"#" * MAX_SOURCE_BYTES)
    assert len(read_source(path).text) == MAX_SOURCE_BYTES
    path.write_bytes(b"#" * (MAX_SOURCE_BYTES + 1))
    assert fault(path).code == "source-too-large"


def test_bytes_that_are_no_utf8_are_pointed_at(tmp_path) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes("\ufeff# é\r\n# caf".encode() + b"\xe9\r\n")
    problem = fault(path)
    assert problem.code == "not-utf8"
    assert problem.at.source.position(problem.at.start) == (2, 6)
    assert "caf\ufffd" in problem.at.source.line(2)
