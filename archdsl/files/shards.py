"""Weights of one model in several safetensors files, with the table of which tensor is in which (`….safetensors.index.json`)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from archdsl.files.reading import read_source
from archdsl.files.tensors import Held, bad_file, read_tensors

SUFFIX = ".index.json"


def read_weights(path: str | os.PathLike[str]) -> dict[str, Held]:
    """The tensors of a safetensors file, or of all files that an index names, which stand in its folder.

    Raises `ArchError`: `unreadable-file`, `bad-weights-file`.
    """
    name = os.fspath(path)
    if not name.endswith(SUFFIX):
        return read_tensors(path)
    try:
        table = json.loads(read_source(path).text)["weight_map"]
        files = {str(key): str(one) for key, one in table.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise bad_file(name, "an index has a `weight_map`, a table of tensors and their files") from None
    found: dict[str, Held] = {}
    for file in dict.fromkeys(files.values()):
        if file != Path(file).name or file in ("", ".", ".."):
            raise bad_file(name, f"`{file}` is no file of its folder")
        part = read_tensors(Path(name).parent / file)
        for key, one in part.items():
            if files.get(key) != file:
                raise bad_file(name, f"`{key}` stands in {file}, and not where the index says")
            found[key] = one
    missing = [key for key in files if key not in found]
    if missing:
        raise bad_file(name, f"`{missing[0]}` is not in {files[missing[0]]}, where the index says it is")
    return found
