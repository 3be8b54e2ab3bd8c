"""Problems of shapes, dtypes, scans and sizes."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class ShapeMismatch(Stated):
    """Two sizes that must be equal are not. The picture shows both tensors and where each was made. Only an axis of size 1 is
    stretched to fit, and two names are two sizes unless a `require` says that they are equal.

    ```arch
    arch Net(x: [N, 64, H, W]) {
      skip {
        conv: Conv2d(256, 1)
      }
    }
    ```

    Make the sizes meet. In a `skip`, project the shortcut: `skip { conv: Conv2d(256, 1) } via downsample: Conv2d(256, 1)`.
    """

    code = "shape-mismatch"


class UnprovedDimension(Stated):
    """A size must be what the step asks for, and whether it is depends on a dimension that is known at run time only. The
    compiler does not guess: it names the fact that is missing.

    ```arch
    arch Net(x: [N, C, H, W]) {
      skip {
        max_pool2d(2)
        interpolate(scale_factor=2)
      }
    }
    ```

    State the fact, and it is checked at the model's door: `require H % 2 == 0 and W % 2 == 0`. Or give the dimension a
    number.
    """

    code = "unproved-dimension"


class RankMismatch(Stated):
    """A tensor has another number of axes than the step takes.

    ```arch
    arch Net(x: [N, 3, H, W]) {
      Conv1d(64, 3)
    }
    ```

    Take the step of that rank (`Conv2d(64, 3)`), or bring the tensor into form first with `flatten`, `reshape` or
    `rearrange`.
    """

    code = "rank-mismatch"


class DtypeMismatch(Stated):
    """A tensor has another dtype than the step takes, or two dtypes meet. Nothing is promoted in silence but integers where a
    function needs floats.

    ```arch
    arch Net(x: [N, 16], ids: i64[N, 16]) {
      x + ids
    }
    ```

    Say which is meant: `x + cast(ids, float)`.
    """

    code = "dtype-mismatch"


class AxisOutOfRange(Stated):
    """There is no such axis: a tensor of n axes has 0 to n - 1, or counted from the end -n to -1.

    ```arch
    arch Net(x: [N, 16]) {
      softmax(axis=2)
    }
    ```

    Name an axis that there is: `softmax(axis=-1)`.
    """

    code = "axis-out-of-range"


class IndexOutOfRange(Stated):
    """An index or slice goes beyond its axis or list, or cannot be proved to stay within. Nothing is clamped.

    ```arch
    arch Net(x: [N, 16]) {
      x[:, 20]
    }
    ```

    Correct the index (`x[:, 15]`, `x[:, -1]`). For a dimension that is known at run time, state what holds: `require T >=
    4`.
    """

    code = "index-out-of-range"


class BadPattern(Stated):
    """A pattern of `rearrange`, `reduce`, `repeat_axes` or `einsum` cannot be read, or does not fit the tensor.

    ```arch
    arch Net(x: [N, 3, H, W]) {
      rearrange("n c h w -> n (h w) d")
    }
    ```

    Both sides of `->` name the same axes, words with spaces between: `rearrange("n c h w -> n (h w) c")`.
    """

    code = "bad-pattern"


class ContractMismatch(Stated):
    """The result of a body is not what its header promises after `->`.

    ```arch
    arch Net(x: [N, 3, H, W]) -> [N, 3, H, W] {
      Conv2d(3, 3)
    }
    ```

    Correct the body (`Conv2d(3, 3, padding=1)`) or the promise (`-> [N, 3, _, _]`, where `_` promises nothing).
    """

    code = "contract-mismatch"


class UndecidedCondition(Stated):
    """A condition depends on a dimension that is known at run time only, and a program is built before that.

    ```arch
    arch Net(x: [N, T, 16]) {
      if T > 128 { relu }
    }
    ```

    State what holds, so that the condition is decided (`require T > 128`), or ask about configuration: `arch Net(long: bool
    = false)(x: …)`.
    """

    code = "undecided-condition"


class NeedsANumber(Stated):
    """The size of a parameter would be symbolic. A parameter is made before the model sees a tensor, so each size is a number.

    ```arch
    arch Net(x: [N, D]) {
      Linear(10)
    }
    ```

    Give the dimension a number in the header (`x: [N, 784]`), or make it configuration: `arch Net(D: int = 784)(x: [N,
    D])`.
    """

    code = "needs-a-number"


class CarryMismatch(Stated):
    """The next value of a carry has another type than the carry, which every step of a `scan` must give to the next.

    ```arch
    arch Net(x: [N, T, 16]) {
      scan xt in x over axis 1 {
        carry h = zeros(1, 16)
        h = h + xt
        final h
      }
    }
    ```

    Start with the whole type: `carry h = zeros(N, 16)`, or `carry h: [N, 16] = zeros(1, 16)`, which broadcasts.
    """

    code = "carry-mismatch"


class UnusedCarry(Stated):
    """A carry is never assigned, so that every step sees its first value.

    ```arch
    arch Net(x: [N, T, 16]) {
      scan xt in x over axis 1 {
        carry h = zeros(N, 16)
        yield xt + h
      }
    }
    ```

    Assign its next value in the body (`h = xt`), or bind a plain value outside of the `scan`: `h = zeros(N, 16)`.
    """

    code = "unused-carry"


class ScanLength(Stated):
    """A `scan` walks several tensors together, and their axes have different lengths.

    ```arch
    arch Net(x: [N, T, 16], y: [N, S, 16]) {
      scan a in x, b in y over axis 1 {
        yield a + b
      }
    }
    ```

    Give both the same dimension (`y: [N, T, 16]`), or state that they are equal: `require S == T`.
    """

    code = "scan-length"


class BadScan(Stated):
    """A `scan` that cannot be: it gives nothing, its `final` names no carry, its `until` is not one bool, or it assigns what
    it walks.

    ```arch
    arch Net(x: [N, T, 16]) {
      scan xt in x over axis 1 {
        carry h = zeros(N, 16)
        h = h + xt
      }
    }
    ```

    Say what it gives: `yield h` for the value of every step, `final h` for the last state.
    """

    code = "bad-scan"


class StateInScan(Stated):
    """A layer that updates running statistics in training stands in a `scan`, which would update them at each step.

    ```arch
    arch Net(x: [N, T, 16]) {
      scan xt in x over axis 1 {
        yield xt -> norm: BatchNorm1d
      }
    }
    ```

    Normalise without running statistics (`norm: LayerNorm`), or before or after the `scan`.
    """

    code = "state-in-scan"


class TrainingMismatch(Stated):
    """The two sides of `if training` give different types. It is the one choice at run time, so what follows must fit both.

    ```arch
    arch Net(x: [N, 16]) {
      if training { Linear(8) } else { x }
    }
    ```

    Give both sides the same type: `if training { Linear(16) } else { x }`. A missing `else` is the flow as it is.
    """

    code = "training-mismatch"


class PartsMismatch(Stated):
    """A value is taken apart into another number of names than it has parts, or has no parts.

    ```arch
    arch Net(x: [N, 16]) {
      a, b, c = chunk(x, 2, axis=1)
      a + b + c
    }
    ```

    Name each part: `a, b = chunk(x, 2, axis=1)`; `_` stands for one that is not needed.
    """

    code = "parts-mismatch"


class DimensionTooLarge(Stated):
    """A symbolic size has more than 256 terms, which no architecture needs.

    ```arch
    block Huge(x: [A, B, C, D]) {
      let s = A + B + C + D + 1
      reshape(s * s * s * s * s * s * s * s)
    }
    ```

    Give a dimension a number in the header, or multiply fewer sums.
    """

    code = "dimension-too-large"


class SharedMismatch(Stated):
    """A shared layer has one set of weights, and is applied to inputs that ask for weights of different shapes.

    ```arch
    arch Net(x: [N, 16]) {
      shared f = Linear(32)
      f
      f
    }
    ```

    Keep the sizes equal (`shared f = Linear(16)`), or make one layer for each use: `Linear(32); Linear(32)`.
    """

    code = "shared-mismatch"


class NotAParameter(Stated):
    """A layer's tensor is given by a value that is computed. Only a parameter can be shared under a second key.

    ```arch
    arch Net(x: [N, 16]) {
      w = ones(16, 16) * 2
      fc: Linear(16, weight=w)
    }
    ```

    Give a parameter (`param w: [16, 16] = ones`) or a shared layer's tensor (`weight=wte.weight`); for computed weights
    there is the function: `linear(it, w)`.
    """

    code = "not-a-parameter"
