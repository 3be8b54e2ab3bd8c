"""What keeps a module from finding out in each call which optional inputs it is given."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class DiffersWhenGiven(Stated):
    """A module finds out in each call which optional inputs it is given, so it has the parameters of every way of calling it. A
    key is one tensor in all of them: here it is a tensor of another shape or kind where the input is given.

    ```arch --torch
    arch Net(x: [N, 8], more: [N, 8] = none) {
      concat(x, more, axis=1) if more != none else x
      fc: Linear(4)
    }
    ```

    Give the layers labels of their own (`wide: …`, `narrow: …`), or say which inputs are given when the module is made:
    `--with more`, in Python `given=("more",)`, or `given=()` for none.
    """

    code = "differs-when-given"


class TooManyWays(Stated):
    """A module that finds out in each call which optional inputs it is given is made of the program for every set of them, and
    each input doubles their number.

    ```arch --torch
    arch Net(
      x: [N, 8], a: [N, 8] = none, b: [N, 8] = none, c: [N, 8] = none, d: [N, 8] = none, e: [N, 8] = none,
      f: [N, 8] = none, g: [N, 8] = none, h: [N, 8] = none, i: [N, 8] = none
    ) { x }
    ```

    Say which are given when the module is made: `--with a`, in Python `given=("a",)`, or `given=()` for none.
    """

    code = "too-many-ways"
