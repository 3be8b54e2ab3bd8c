"""Read and write safetensors files without a framework: the header checked to the last byte, the data mapped, not read."""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.files.reading import reason, unreadable
from archdsl.problems.problem import ArchError
from archdsl.source import Source, Span

BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16,
    "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip
"""The element types that are read, and their widths; those below a byte are not."""
MAX_HEADER = 100_000_000
"""Longest header in bytes, as the safetensors library has it."""


@dataclass(frozen=True)
class Held:
    """A tensor of a file: `dtype` as safetensors spells it, and its bytes, little end first, elements in row-major order."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    @property
    def kind(self) -> str:
        """`float`, `int`, `bool` or `complex`."""
        return kind_of(self.dtype)


@dataclass(frozen=True)
class Made:
    """A tensor to be written; `make` gives its bytes when they are wanted."""

    dtype: str
    shape: tuple[int, ...]
    make: Callable[[], memoryview | bytes]


def kind_of(dtype: str) -> str:
    """The kind of numbers of a dtype."""
    if dtype == "BOOL":
        return "bool"
    return "complex" if dtype.startswith("C") else "float" if dtype.startswith(("F", "BF")) else "int"


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Held]:
    """The tensors of a safetensors file, by name, in the order of the file's header.

    Raises `ArchError` with `unreadable-file`, or `bad-weights-file` where the file is cut off, or is not what it says: every
    tensor must have exactly its bytes, all bytes must belong to one tensor, and no name may come twice.
    """
    name = os.fspath(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError:
        raise unreadable(name, "its name has a forbidden character") from None
    except OSError as fault:
        raise unreadable(name, reason(fault)) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise unreadable(name, "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is a pipe, a device or a socket")
        if found.st_size < 8:
            raise bad_file(name, f"the file has {found.st_size} bytes; eight say how long its header is")
        return _tensors(name, memoryview(mmap.mmap(handle, 0, access=mmap.ACCESS_READ)))
    except OSError as fault:
        raise unreadable(name, reason(fault)) from None
    finally:
        os.close(handle)


def bad_file(name: str, why: str) -> ArchError:
    """The error for a file that is no safetensors file."""
    from archdsl.files.problems import BadWeightsFile

    help = "is it a PyTorch checkpoint? Save its state_dict with safetensors.torch.save_file; or fetch the file again"
    return ArchError((BadWeightsFile(at=Span(Source(name, ""), 0, 0), name=name, why=why, help=help),))


def _tensors(name: str, file: memoryview) -> dict[str, Held]:
    size = int.from_bytes(file[:8], "little")
    if size > MAX_HEADER:
        raise bad_file(name, "the first eight bytes are no sensible length of a header")
    if 8 + size > len(file):
        raise bad_file(name, f"it is cut off: its header has {size:,} bytes, and {len(file) - 8:,} follow")
    try:
        entries = json.loads(bytes(file[8 : 8 + size]).decode(), object_pairs_hook=_once)
    except RecursionError:
        raise bad_file(name, "its header is nested too deeply") from None
    except ValueError as fault:
        raise bad_file(name, f"its header is no JSON: {fault}") from None
    if not isinstance(entries, dict):
        raise bad_file(name, "its header is no table of tensors")
    data = file[8 + size :]
    try:
        made = {key: _entry(key, about, data) for key, about in entries.items() if key != "__metadata__"}
    except _Fault as fault:
        raise bad_file(name, str(fault)) from None
    end = 0
    for start, stop, key in sorted((*one["data_offsets"], key) for key, one in entries.items() if key != "__metadata__"):
        if start != end:
            raise bad_file(name, f"the data of `{key}` begin at byte {start:,} where {end:,} was expected")
        end = stop
    if end != len(data):
        raise bad_file(name, f"{len(data) - end:,} bytes at its end belong to no tensor")
    return made


class _Fault(Exception):
    """What is wrong with one entry."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _entry(key: str, about: Any, data: memoryview) -> Held:
    if not isinstance(about, dict) or set(about) != {"dtype", "shape", "data_offsets"}:
        raise _Fault(f"`{key}` has no dtype, shape and data_offsets")
    dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _Fault(f"`{key}` is of the type {str(dtype)[:40]!r}, which is not read")
    if not (isinstance(shape, list) and len(shape) <= 64 and all(_is_size(one) for one in shape)):
        raise _Fault(f"the shape of `{key}` is no list of sizes")
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(_is_size(one) for one in offsets)):
        raise _Fault(f"the data_offsets of `{key}` are not two numbers")
    start, end = offsets
    count = BITS[dtype] // 8
    for one in shape:
        count *= one
    if not start <= end:
        raise _Fault(f"the data of `{key}` end before they begin")
    if end > len(data):
        raise _Fault(f"it is cut off: `{key}` ends at byte {end:,} of its data, which have {len(data):,}")
    if end - start != count:
        raise _Fault(f"`{key}` has {end - start:,} bytes; {dtype}{shape} takes {count:,}")
    return Held(dtype, tuple(shape), data[start:end])


def _is_size(one: Any) -> bool:
    return type(one) is int and 0 <= one < 1 << 62


def tensor_chunks(tensors: Mapping[str, Made]) -> Iterator[memoryview | bytes]:
    """The parts of a safetensors file with these tensors, in their order: for `write_whole`, one in memory at a time."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, one in tensors.items():
        size = BITS[one.dtype] // 8
        for axis in one.shape:
            size *= axis
        header[name] = {"dtype": one.dtype, "shape": list(one.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for one in tensors.values():
        yield one.make()


def joined(chunks: Iterable[memoryview | bytes]) -> bytes:
    """All parts in one piece."""
    return b"".join(chunks)
