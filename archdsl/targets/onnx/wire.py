"""Protocol buffers' bytes for what is too large to go through objects: weights are written in one pass, from where they lie."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from archdsl.targets.onnx.weights import Held

MAX_PROTO_BYTES = (1 << 31) - 1
"""What a protocol buffer holds at most, and so a model with its weights inside."""
MODEL_GRAPH = 7
GRAPH_INITIALIZER = 5
TENSOR_RAW_DATA = 9
LENGTH_DELIMITED = 2

Piece = bytes | memoryview


class ModelTooLarge(ValueError):
    """The weights do not fit into one file of ONNX."""


def varint(number: int) -> bytes:
    """A non-negative number as protocol buffers write it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def header(field: int, size: int) -> bytes:
    """What stands before the `size` bytes of a field."""
    return varint(field << 3 | LENGTH_DELIMITED) + varint(size)


def tensor_pieces(name: str, held: Held) -> list[Piece]:
    """An initializer with its data inside."""
    about = tensor_about(name, held).SerializeToString(deterministic=True)
    data = held.data
    lead = header(TENSOR_RAW_DATA, len(data))
    return [header(GRAPH_INITIALIZER, len(about) + len(lead) + len(data)), about, lead, data]


def tensor_about(name: str, held: Held) -> onnx.TensorProto:
    """An initializer without its data."""
    return onnx.TensorProto(name=name, dims=held.shape, data_type=int(held.dtype))


def model_pieces(proto: onnx.ModelProto, initializers: Iterable[tuple[str, Held]]) -> list[Piece]:
    """The model with its weights inside, in pieces that lie where the weights do. Raises `ModelTooLarge` beyond 2 GiB."""
    pieces: list[Piece] = [proto.graph.SerializeToString(deterministic=True)]
    for name, held in initializers:
        pieces += tensor_pieces(name, held)
    total = sum(map(len, pieces))
    around = onnx.ModelProto()
    around.CopyFrom(_without_graph(proto))
    lead = around.SerializeToString(deterministic=True) + header(MODEL_GRAPH, total)
    if len(lead) + total > MAX_PROTO_BYTES:
        raise ModelTooLarge(
            f"the model has {len(lead) + total:,} bytes, and one ONNX file holds 2 GiB; "
            "`Spec.onnx_files`, or `model_files`, puts the weights into a file of their own"
        )
    return [lead, *pieces]


def _without_graph(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model's other fields; its graph holds no weights, so the copy is small."""
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    made.ClearField("graph")
    return made
