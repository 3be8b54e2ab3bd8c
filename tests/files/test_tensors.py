"""Safetensors files: what the library writes is read, what we write the library reads, and what is broken is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from archdsl.files.tensors import Made, joined, kind_of, read_tensors, tensor_chunks
from archdsl.files.writing import write_whole
from archdsl.problems.problem import ArchError

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64,
]  # fmt: skip


def some(dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    return (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 3).to(dtype)


def test_what_the_library_writes_is_read_and_what_we_write_it_reads(tmp_path: Path) -> None:
    tensors = {f"a.{index}": some(dtype, (2, 3)) for index, dtype in enumerate(DTYPES)}
    tensors |= {"scalar": torch.tensor(7), "empty": torch.zeros(0, 4), "ä": torch.ones(1)}
    save_file(tensors, tmp_path / "theirs.safetensors", metadata={"made": "here"})
    found = read_tensors(tmp_path / "theirs.safetensors")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].shape == tuple(tensor.shape)
        assert bytes(found[name].data) == tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        assert (found[name].kind == "float") == tensor.is_floating_point()
    made = {name: Made(one.dtype, one.shape, lambda one=one: one.data) for name, one in found.items()}
    write_whole(tmp_path / "ours.safetensors", tensor_chunks(made))
    back = load_file(tmp_path / "ours.safetensors")
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert torch.equal(
            back[name].view(torch.uint8) if tensor.dim() else back[name], tensor.view(torch.uint8) if tensor.dim() else tensor
        )
    assert kind_of("BF16") == "float"


def written(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def one(**changes: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


BROKEN = {
    "nothing": b"",
    "half a length": b"\x01\x02",
    "a pickle": b"\x80\x02}q\x00X\x06\x00\x00weight",
    "a length beyond the file": (1000).to_bytes(8, "little") + b"{}",
    "no JSON": written(b"{"),
    "no UTF-8": written(b"\xff\xff"),
    "nested": written(b"[" * 100_000),
    "a list": written([1]),
    "a huge number": written(b'{"a":' + b"9" * 5000 + b"}"),
    "twice one name": written(
        b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', b"1"
    ),
    "no table": written({"a": 1}),
    "an unknown key": written(one(more=1), bytes(8)),
    "an unknown type": written(one(dtype="F4"), bytes(8)),
    "a type that is no text": written(one(dtype=["F32"]), bytes(8)),
    "a negative size": written(one(shape=[-2]), bytes(8)),
    "a size that is a fraction": written(one(shape=[2.0]), bytes(8)),
    "a size that is a truth": written(one(shape=[True, 2]), bytes(8)),
    "a shape that overflows": written(one(shape=[1 << 61, 1 << 61, 1 << 61]), bytes(8)),
    "too many axes": written(one(shape=[1] * 65 + [2]), bytes(8)),
    "one offset": written(one(data_offsets=[0]), bytes(8)),
    "offsets turned round": written(one(data_offsets=[8, 0]), bytes(8)),
    "too few bytes": written(one(shape=[3]), bytes(12)),
    "data that are cut off": written(one(), bytes(7)),
    "bytes of nobody at the end": written(one(), bytes(9)),
    "bytes of nobody before": written(one(data_offsets=[4, 12]), bytes(12)),
    "two tensors in one place": written({**one(), "b": one()["a"]}, bytes(8)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_a_problem(what: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(BROKEN[what])
    with pytest.raises(ArchError) as caught:
        read_tensors(path)
    (problem,) = caught.value.problems
    assert problem.code == "bad-weights-file"
    assert problem.help


@given(data=st.data())
def test_a_file_with_changed_bytes_is_read_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = bytearray(written({**one(), "b": {"dtype": "I64", "shape": [], "data_offsets": [8, 16]}}, bytes(16)))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("changed") / "a.safetensors"
    path.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    try:
        found = read_tensors(path)
    except ArchError as fault:
        assert {one.code for one in fault.problems} == {"bad-weights-file"}
    else:
        assert sum(one.data.nbytes for one in found.values()) <= 16


@pytest.mark.parametrize("what", ["missing", "folder", "nul"])
def test_what_cannot_be_opened_is_unreadable(what: str, tmp_path: Path) -> None:
    path = {"missing": tmp_path / "none", "folder": tmp_path, "nul": "a\0b"}[what]
    with pytest.raises(ArchError) as caught:
        read_tensors(path)
    assert caught.value.problems[0].code == "unreadable-file"


def test_nothing_is_left_where_a_part_cannot_be_made(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        write_whole(tmp_path / "a", tensor_chunks({"a": Made("F32", (2,), fail)}))
    assert list(tmp_path.iterdir()) == []


def test_the_data_begin_at_a_multiple_of_eight() -> None:
    whole = joined(tensor_chunks({"a": Made("F32", (1,), lambda: np.float32(1).tobytes())}))
    assert (8 + int.from_bytes(whole[:8], "little")) % 8 == 0
