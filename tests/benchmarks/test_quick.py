"""Every benchmark runs, with its smallest models and few rounds; what it finds on a busy machine is not judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import topics
from benchmarks.measuring import Row, interleave

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("topic", topics())
def test_a_topic_runs(topic: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", topic, "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.iterdir()
    rows = json.loads(file.read_text())["rows"]
    assert rows
    assert all(row["topic"] == topic and row["ratio"] > 0 for row in rows)


def test_sides_take_turns_at_beginning() -> None:
    heard: list[str] = []
    clock = iter(range(100_000))
    interleave(lambda: heard.append("ours"), lambda: heard.append("theirs"), 2, lambda: float(next(clock)))
    assert heard[-4:] == ["ours", "theirs", "theirs", "ours"]


def test_a_round_that_was_disturbed_does_not_decide() -> None:
    row = Row("a", "b", (1.0, 1.0, 90.0), (2.0, 2.0, 2.0), 0.5, "c")
    assert (row.ratio, row.ratio_of_least, row.met) == (0.5, 0.5, True)
