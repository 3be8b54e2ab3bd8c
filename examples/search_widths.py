"""The best shape for a number of parameters: for each depth the width that fits the budget, each one trained."""

from __future__ import annotations

from pathlib import Path

from training import train

import archdsl
from archdsl.designing.solving import NoSolution

spec = archdsl.load(Path(__file__).with_name("small.arch"))


def main(steps: int = 60, budget: float = 20e3) -> None:
    best = (0.0, "nothing")
    print(f"{'depths':>12}{'width':>7}{'parameters':>12}{'of budget':>11}{'right':>8}")
    for depths in ([1], [3], [1, 1], [2, 2], [1, 1, 1]):
        try:
            found = spec.solve(free={"width": (2, 64)}, such_that=f"params <= {budget}", depths=depths)
        except NoSolution as why:
            print(f"{depths!s:>12}  {why}")
            continue
        right = train(spec.build(depths=depths, **found.config, seed=1), steps)
        told = f"{depths!s:>12}{found.config['width']:>7}{found.count:>12,}{found.error:>+11.1%}{right:>8.1%}"
        print(told)
        best = max(best, (right, told))
    print(f"the best:\n{best[1]}")


if __name__ == "__main__":
    main()
