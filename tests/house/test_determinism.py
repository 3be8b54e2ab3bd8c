"""The same input gives the same bytes, whatever the hash seed, the folder and the language of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import hashlib, sys
import archdsl, archdsl.source
from archdsl.problems.render.text import render

root = sys.argv[1]
digest = hashlib.sha256()
for file, name, config in [
    ("specs/resnet.arch", "ResNet18", {}),
    ("specs/gpt2.arch", "GPT2", {"depth": 2}),
    ("specs/bert.arch", "BertBase", {"depth": 2}),
    ("tests/data/examples/ntm.arch", "NTM", {}),
    ("tests/data/examples/t5.arch", "T5", {"depth": 2}),
]:
    spec = archdsl.load(f"{root}/{file}")
    digest.update(spec.source(name, **config).encode())
    digest.update(str(spec.graph(name, **config)).encode())
    digest.update(str(spec.summary(name, **config)).encode())
    for form in ("dot", "mermaid"):
        digest.update(spec.draw(name, format=form, **config).encode())
wrong = archdsl.load(archdsl.source.Source("wrong.arch", '''
arch A(x: [B, 4], y: [C, 5]) -> z: [B, 4] { a = x + y; b = Liner(3); skip { Linear(7) }; relu(foo=1) }
arch B(x: [B, 4]) -> z: [B, 4] { repeat 3 { skip { l: Linear(4) } } }
'''))
digest.update(render(wrong.check()).encode())
print(digest.hexdigest())
"""


def digest(seed: str, folder: Path, **more: str) -> str:
    """What the program prints under a hash seed, in a folder."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), **more}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_products_and_problems_are_the_same_bytes(tmp_path: Path) -> None:
    first = digest("0", ROOT)
    assert digest("1", ROOT, LANG="C", TZ="Asia/Tokyo") == first
    assert digest("4242", ROOT, LC_ALL="POSIX", COLUMNS="40") == first
