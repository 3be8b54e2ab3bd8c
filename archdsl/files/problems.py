"""What can be wrong with a file before its text is read."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.problems.problem import Problem


@dataclass(frozen=True, kw_only=True)
class UnreadableFile(Problem):
    """A file cannot be read: it is missing, is a folder, a pipe or a device, or its permissions forbid it.

    ```sh
    archdsl check no-such.arch
    ```

    Check the name and the permissions. To check what a pipe brings, give `-` and send it to standard input.
    """

    code = "unreadable-file"
    name: str
    why: str

    def message(self) -> str:
        return f"cannot read {self.name}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class SourceTooLarge(Problem):
    """A file is larger than 1 MiB, which no architecture needs.

    ```sh
    head -c 2000000 /dev/zero | archdsl check -
    ```

    Is it the right file? Long tables belong in Python, sizes that repeat in `repeat` and `fn`.
    """

    code = "source-too-large"
    why: str

    def message(self) -> str:
        return self.why


@dataclass(frozen=True, kw_only=True)
class NotUtf8(Problem):
    """A file is not UTF-8 text.

    ```sh
    printf '# caf\\351\\n' | archdsl check -
    ```

    Save it as UTF-8; the place is the first byte that is not.
    """

    code = "not-utf8"
    why: str

    def message(self) -> str:
        return self.why
