"""Writing: whole or not at all, whatever fails on the way."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from archdsl.files.writing import write_all, write_whole

STEPS = ("open", "fsync", "replace", "chmod", "fdopen", "link")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_new_files_and_folders(tmp_path) -> None:
    write_all({tmp_path / "a" / "b" / "one": b"1", tmp_path / "two": b"2"})
    assert tree(tmp_path) == {"a/b/one": b"1", "two": b"2"}


def test_a_new_file_obeys_the_umask_and_an_old_one_keeps_its_mode(tmp_path) -> None:
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o751)
    write_whole(tmp_path / "new", b"2")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o751


def test_a_link_stays_a_link(tmp_path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_folder_is_refused(tmp_path) -> None:
    (tmp_path / "d").mkdir()
    with pytest.raises(IsADirectoryError):
        write_all({tmp_path / "a": b"1", tmp_path / "d": b"2"})
    assert tree(tmp_path) == {}


def test_a_pipe_is_written_through(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join(5)
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_dev_null_stays_a_device() -> None:
    write_whole("/dev/null", b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_standard_output_that_is_a_file_is_appended_to_not_replaced(tmp_path) -> None:
    program = "from archdsl.files.writing import write_whole\nprint('one', flush=True)\nwrite_whole('/dev/stdout', b'two\\n')\n"
    program += "print('three')"
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=["full", "interrupted"])
def test_a_failure_at_any_step_leaves_everything_as_it_was_or_done(tmp_path, monkeypatch, step, number, kind) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "other").write_bytes(b"other")
    before = tree(tmp_path)
    after = {"old": b"NEW", "other": b"NEW", "sub/new": b"NEW"}
    real = getattr(os, step)
    calls = []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == number + 1:
            raise kind
        return real(*args, **kwargs)

    monkeypatch.setattr(os, step, failing)
    failed = False
    try:
        write_all({tmp_path / name: data for name, data in after.items()})
    except (OSError, KeyboardInterrupt):
        failed = True
    monkeypatch.undo()
    assert tree(tmp_path) in (before, after)
    if not failed:
        assert tree(tmp_path) == after
    if tree(tmp_path) == before:
        assert not (tmp_path / "sub").exists()


def test_the_fault_is_real(tmp_path, monkeypatch) -> None:
    """The test above can fail: a writer that writes in place leaves a half-written set."""

    def naive(files):
        for path, data in files.items():
            path.parent.mkdir(exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
                os.fsync(file.fileno())

    (tmp_path / "old").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        naive({tmp_path / "old": b"NEW", tmp_path / "two": b"NEW"})
    assert tree(tmp_path) not in ({"old": b"old"}, {"old": b"NEW", "two": b"NEW"})
