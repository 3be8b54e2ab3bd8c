"""`python -m benchmarks`: every topic in a table of medians and ratios with targets; benchmarks/results has it as JSON."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import platform
import re
import statistics
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import benchmarks
from benchmarks.measuring import Row

RESULTS = Path(__file__).parent / "results"


def topics() -> list[str]:
    """The modules of this folder that measure something."""
    found = [one.name for one in pkgutil.iter_modules(benchmarks.__path__) if not one.name.startswith("_")]
    return sorted(name for name in found if hasattr(import_module(f"benchmarks.{name}"), "measure"))


def machine() -> str:
    """The processor's name and how many of it there are."""
    name = platform.processor() or platform.machine()
    table = Path("/proc/cpuinfo")
    if table.exists():
        name = next(
            (line.partition(":")[2].strip() for line in table.read_text().splitlines() if line.startswith("model name")), name
        )
    return f"{name}, {os.cpu_count()} cores"


def line(row: Row) -> str:
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    target = "" if row.target is None else f"<= {row.target:.4g}"
    ours, theirs = statistics.median(row.ours) * 1e3, statistics.median(row.theirs) * 1e3
    numbers = f"{ours:12.3f} {theirs:12.3f} {row.ratio:9.4f} {row.ratio_of_least:9.4f}  {target:10} {verdict:7}"
    return f"{row.topic:14} {numbers} {row.what} / {row.beside}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("topic", nargs="*", help="only these topics")
    parser.add_argument(
        "--quick", action="store_true", help="few rounds and small models: shows that everything runs, measures little"
    )
    parser.add_argument("--out", type=Path, default=None, help="where the JSON goes (benchmarks/results; with --quick nowhere)")
    parser.add_argument("--list", action="store_true", help="name the topics")
    options = parser.parse_args(arguments)
    known = topics()
    if options.list:
        print("\n".join(known))
        return 0
    unknown = [one for one in options.topic if one not in known]
    if unknown:
        parser.error(f"no topic {', '.join(unknown)}; there are {', '.join(known)}")
    print(f"{machine()}, Python {platform.python_version()}; milliseconds, medians of rounds in turn")
    print(f"{'topic':14} {'ours':>12} {'theirs':>12} {'ratio':>9} {'of least':>9}  {'target':10} {'':7}")
    rows: list[Row] = []
    folder = options.out or (None if options.quick else RESULTS)
    for name in options.topic or known:
        for row in import_module(f"benchmarks.{name}").measure(options.quick):
            rows.append(row)
            print(line(row), flush=True)
        if folder is not None:
            write(folder, rows, options.quick)
    return 0


def write(folder: Path, rows: list[Row], quick: bool) -> None:
    """One file a machine, written after each topic; a later run takes the place of its topics and leaves the others."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", f"{platform.node()} {machine()}{' quick' if quick else ''}".lower()).strip("-")
    versions = {
        one: module.__version__ for one in ("torch", "transformers", "onnx") if (module := sys.modules.get(one)) is not None
    }
    kept = {
        "machine": machine(),
        "node": platform.node(),
        "python": platform.python_version(),
        "versions": versions,
        "quick": quick,
    }
    file = folder / f"{name}.json"
    measured = {row.topic for row in rows}
    before = json.loads(file.read_text())["rows"] if file.exists() else []
    table = [row for row in before if row["topic"] not in measured]
    table += [asdict(row) | {"ratio": row.ratio, "ratio_of_least": row.ratio_of_least, "met": row.met} for row in rows]
    table.sort(key=lambda row: str(row["topic"]))
    file.write_text(json.dumps(kept | {"rows": table}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
