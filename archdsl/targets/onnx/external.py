"""A model whose weights lie in a file of their own, named after its content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from archdsl.ir.graph import Graph
from archdsl.targets.onnx.model import make
from archdsl.targets.onnx.weights import Held, open_weights
from archdsl.targets.onnx.wire import MAX_PROTO_BYTES, Piece, model_pieces, tensor_about

Content = list[Piece]
"""What a file holds, in pieces that lie where the weights do."""
PAGE = 4096
"""Large tensors start at a page, so that they can be mapped."""
SMALL = 1024
"""Tensors of at most so many bytes stay inside the model."""
MARGIN = 64 << 20
"""What the rest of a model may need below the limit of 2 GiB."""


def model_files(
    path: Path, graph: Graph, weights: Any, *, dtype: str = "f32", inline: bool = False, external: bool | None = None
) -> dict[Path, Content]:
    """The files of a model, in the order in which to write them: weights first, then the model that names them.

    Without `external` the weights are inside where 2 GiB allow it. The data file's name holds its hash, so a model never meets
    other weights than its own. Write the files with `archdsl.files.writing.write_all`, which writes all or none.
    """
    opened = open_weights(weights)
    made = make(graph, opened, dtype, inline)
    if external is None:
        external = sum(len(one.data) for _, one in made.initializers) > MAX_PROTO_BYTES - MARGIN
    if not external:
        return {path: model_pieces(made.proto, made.initializers)}
    digest = hashlib.sha256()
    pieces: list[Piece] = []
    at = 0
    places: list[tuple[str, Held, int | None]] = []
    for name, held in made.initializers:
        if len(held.data) <= SMALL:
            places.append((name, held, None))
            continue
        gap = bytes(-at % PAGE)
        for piece in (gap, held.data):
            digest.update(piece)
            pieces.append(piece)
        places.append((name, held, at + len(gap)))
        at += len(gap) + len(held.data)
    data = f"{path.stem}.{digest.hexdigest()[:12]}.data"
    for name, held, offset in places:
        about = tensor_about(name, held)
        if offset is None:
            about.raw_data = bytes(held.data)
        else:
            about.data_location = about.EXTERNAL
            for key, value in (("location", data), ("offset", str(offset)), ("length", str(len(held.data)))):
                entry = about.external_data.add()
                entry.key, entry.value = key, value
        made.proto.graph.initializer.append(about)
    return {path.with_name(data): pieces, path: [made.proto.SerializeToString(deterministic=True)]}
