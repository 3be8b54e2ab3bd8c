"""What can be wrong with a file before its text is read."""

from __future__ import annotations

from archdsl.problems.problem import Problem
from archdsl.records import facts


@facts
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


@facts
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


@facts
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


@facts
class BadWeightsFile(Problem):
    """A file of weights is no whole safetensors file: it is cut off, it is something else, or its header contradicts itself.

    ```sh
    head -c 1000 model.safetensors > part.safetensors
    archdsl weights inspect part.safetensors
    ```

    Fetch the file again. A PyTorch checkpoint (`.pt`, `.bin`) is a program, not data: load it where you trust it and save its
    `state_dict` with `safetensors.torch.save_file`.
    """

    code = "bad-weights-file"
    name: str
    why: str

    def message(self) -> str:
        return f"{self.name} is no whole safetensors file: {self.why}"
