"""ONNX of GPT-2 with weights given beside the second `torch.onnx.export(dynamo=True)`: graph, weights, file."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import archdsl
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """Ours reads and checks the text each time; theirs is given a model that stands. Both end with a file."""
    import torch

    from benchmarks.references import gpt2, one_thread

    one_thread()
    depth = 2 if quick else 12
    model = gpt2(n_layer=depth)
    weights = model.state_dict()
    tokens = torch.zeros(1, 64, dtype=torch.int64)
    with tempfile.TemporaryDirectory() as folder:

        def ours() -> None:
            target = Path(folder, "ours.onnx")
            for path, pieces in archdsl.load("specs/gpt2.arch").onnx_files(target, "GPT2", weights=weights, depth=depth).items():
                with path.open("wb") as file:
                    file.writelines(pieces)

        def theirs() -> None:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    model, (tokens,), str(Path(folder, "theirs.onnx")), dynamo=True, verbose=False, external_data=False
                )

        return [
            compare(
                "onnx_export",
                "load, check and export GPT2",
                ours,
                theirs,
                beside="torch.onnx.export(dynamo=True), second call",
                target=0.1,
                rounds=1 if quick else 3,
            )
        ]
