"""A cold `archdsl check` beside `import torch`: whole processes, wall and CPU time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from benchmarks.measuring import Row

ROOT = Path(__file__).resolve().parent.parent
CHECK = [str(Path(sys.executable).parent / "archdsl"), "check", "specs/resnet.arch:ResNet152"]
QUIET = [(os.POSIX_SPAWN_OPEN, file, os.devnull, os.O_WRONLY, 0) for file in (1, 2)]
IMPORT = [sys.executable, "-c", "import torch"]


def measure(quick: bool) -> list[Row]:
    """Both sides have their .pyc files: without them a first start is measured, and the compiler of Python."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found: dict[str, list[tuple[float, float]]] = {"check": [], "import": []}
    for command in (CHECK, IMPORT):
        run(command, environment)
    for _ in range(2 if quick else 9):
        found["check"].append(run(CHECK, environment))
        found["import"].append(run(IMPORT, environment))
    rows = []
    for index, kind in enumerate(("wall", "CPU")):
        ours, theirs = (tuple(one[index] for one in found[side]) for side in ("check", "import"))
        rows.append(Row("cold_check", f"archdsl check ResNet152, {kind}", ours, theirs, 1 / 12, "python -c 'import torch'"))
    return rows


def run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process. Raises RuntimeError where it fails."""
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, environment, file_actions=QUIET)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_utime + usage.ru_stime
