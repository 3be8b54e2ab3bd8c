"""Problems of labels, items, statements and heads; those of whole programs stand here under the same names."""

from __future__ import annotations

from archdsl.elaborate.faults.program_problems import (
    BadExpectation,
    ExpectationFailed,
    ImportCircle,
    ImportNotFound,
    ImportOutsideRoot,
    ListTooLong,
    NotConfigured,
    TooManyImports,
    TooManyNodes,
    TooManySteps,
    UnknownConfiguration,
)
from archdsl.elaborate.faults.stated import Stated

__all__ = [
    "AbsentInput",
    "AlreadyBound",
    "BadArithmetic",
    "BadExpectation",
    "BadLabel",
    "DuplicateLabel",
    "ExpectationFailed",
    "ImportCircle",
    "ImportNotFound",
    "ImportOutsideRoot",
    "ListTooLong",
    "MisplacedHead",
    "MisplacedStatement",
    "MissingOutput",
    "NeedsLabel",
    "NotConfigured",
    "NotOnADimension",
    "ReboundInParallel",
    "RecursiveBlock",
    "RecursiveFunction",
    "RequirementFailed",
    "ReservedLabel",
    "TooManyImports",
    "TooManyNodes",
    "TooManySteps",
    "UncheckedBlock",
    "UnknownConfiguration",
    "UnknownOutput",
]


class AlreadyBound(Stated):
    """A name is bound twice in the same braces, or two items or imports of a file have one name.

    ```arch
    arch Net(x: [N, 16]) {
      let width = 32
      let width = 64
      Linear(width)
    }
    ```

    Rename one. Only a value is bound again, with `=`: `h = relu(h)`.
    """

    code = "already-bound"


class ReboundInParallel(Stated):
    """A value from outside is bound again in a body that runs beside the flow or many times (`skip`, `via`, `branch`, `head`,
    `scan`), so that which value follows would depend on an order that there is not.

    ```arch
    arch Net(x: [N, 16]) {
      h = relu
      skip {
        h = sigmoid
        h
      }
    }
    ```

    Take another name inside. In a `scan`, what goes from step to step is a `carry`.
    """

    code = "rebound-in-parallel"


class NeedsLabel(Stated):
    """A layer that owns tensors stands where steps are not numbered: in an expression, right of `=`, in a `branch`. Nothing
    names its keys.

    ```arch
    arch Net(x: [N, 16]) {
      h = Linear(32)
      h
    }
    ```

    Label it: `h = fc: Linear(32)`, whose keys are then `fc.weight` and `fc.bias`.
    """

    code = "needs-label"


class DuplicateLabel(Stated):
    """Two things have the same path, so that they would have the same keys in the `state_dict`.

    ```arch
    arch Net(x: [N, 16]) {
      fc: Linear(32)
      fc: Linear(10)
    }
    ```

    Give each its own label: `fc1`, `fc2`. In a `repeat` without a label, a label may be a template: `"fc{i}": Linear(32)`.
    """

    code = "duplicate-label"


class ReservedLabel(Stated):
    """A label that `torch.nn.Module` has as a name of its own, which the layer would hide.

    ```arch
    arch Net(x: [N, 16]) {
      forward: Linear(10)
    }
    ```

    Take another label: `forward_: Linear(10)`, `fc: Linear(10)`.
    """

    code = "reserved-label"


class BadLabel(Stated):
    """A label that makes no path: an empty segment, a template that cannot be filled, a label of something that is no layer or
    function.

    ```arch
    arch Net(x: [N, 16]) {
      "fc{0.5}": Linear(10)
    }
    ```

    The braces of a template take whole numbers and strings: `repeat i in 0..3 { "fc{i}": Linear(16) }`.
    """

    code = "bad-label"


class RecursiveBlock(Stated):
    """A block contains itself, so that it would never end.

    ```arch
    block Tower(depth: int = 3)(x: [N, C]) {
      if depth > 0 { next: Tower(depth - 1) }
    }

    arch Net(x: [N, 16]) { Tower }
    ```

    Say how often: `repeat 3 { Linear(16) }`. Weights used again and again are a `shared` layer in a `repeat`.
    """

    code = "recursive-block"


class RecursiveFunction(Stated):
    """A function of tensors calls itself. Such functions are expanded where they are called, and this would never end.

    ```arch
    fn again(x: [N, D]) -> [N, D] { again(relu(x)) }

    arch Net(x: [N, 16]) { again }
    ```

    Say how often with a `repeat`: `repeat 3 { relu }`. A function of configuration (`fn fact(n) = …`) may call itself.
    """

    code = "recursive-function"


class MissingOutput(Stated):
    """The header declares an output that the body does not make.

    ```arch
    arch Net(x: [N, 16]) -> logits: [N, 10], value: [N, 1] {
      head logits { Linear(10) }
    }
    ```

    Make it, by a head of its name (`head value { Linear(1) }`), or remove it from the header.
    """

    code = "missing-output"


class UnknownOutput(Stated):
    """A head that the header does not declare.

    ```arch
    arch Net(x: [N, 16]) -> logits: [N, 10] {
      head logit { Linear(10) }
      head logits { Linear(10) }
    }
    ```

    Name it as the header does: `head logits { Linear(10) }`. Without `->` the heads themselves are the outputs.
    """

    code = "unknown-output"


class MisplacedHead(Stated):
    """A head where no output can be made: in a block, or in a body that runs beside the flow or many times; or a second head
    of a name.

    ```arch
    block Classifier(x: [N, C]) { head logits { Linear(10) } }

    arch Net(x: [N, 16]) { Classifier }
    ```

    Write the head in the arch itself, around the block: `head logits { Classifier }`.
    """

    code = "misplaced-head"


class MisplacedStatement(Stated):
    """A statement or list of parameters stands where it has no meaning: `yield` outside of a `scan`, `param` in a `repeat`,
    tensors before configuration.

    ```arch
    arch Net(x: [N, 16]) {
      relu
      yield it
    }
    ```

    Move it to where the message says, or remove it. Here the flow at the end is the result by itself.
    """

    code = "misplaced-statement"


class UncheckedBlock(Stated):
    """Nothing calls this block, and it cannot be checked by itself: a parameter has no default, so that only its names were
    looked up, or what it does depends on the sizes of what flows into it, so that the part which does not was checked.

    ```arch
    block Apply(f: layer)(x: [N, C]) { f }

    arch Net(x: [N, 16]) { relu }
    ```

    Give its parameters defaults (`f: layer = relu`), so that it is checked with them, or call it.
    """

    code = "unchecked-block"
    severity = "warning"


class BadArithmetic(Stated):
    """Configuration that no number answers: a division by zero, the root or logarithm of a negative number.

    ```arch
    let groups = 0

    arch Net(x: [N, 16]) { Linear(64 // groups) }
    ```

    Correct the numbers, or say what may be given: `require groups > 0, "groups must be positive"`.
    """

    code = "bad-arithmetic"


class NotOnADimension(Stated):
    """An operation on a dimension that is known at run time only. Such a size takes `+ - * // %`, `max`, `min`, `ceil(p / k)`
    and `floor(p / k)`; its value, and so its root or quotient, is not there yet.

    ```arch
    arch Net(x: [N, T, 16]) {
      x * sqrt(T)
    }
    ```

    Divide in whole numbers (`T // 2`, `ceil(T / 2)`), or give the dimension a number in the header.
    """

    code = "not-on-a-dimension"


class RequirementFailed(Stated):
    """A `require` does not hold for this configuration. Its words are the message.

    ```arch
    arch Net(dim: int = 100, heads: int = 12)(x: [N, T, 100]) {
      require dim % heads == 0, "heads ({heads}) must divide dim ({dim})"
      relu
    }
    ```

    Give configuration for which it holds: `dim: int = 96`.
    """

    code = "requirement-failed"


class AbsentInput(Stated):
    """An optional input is used where it was not given.

    ```arch
    arch Net(x: [N, T, 16], mask: bool[N, T] = none) {
      x * cast(mask, float)[:, :, none]
    }
    ```

    Ask first (`if mask != none { x * cast(mask, float)[:, :, none] }`), or give it a default: `mask: bool[N, T] = ones`.
    """

    code = "absent-input"


class NoTangent(Stated):
    """`jvp` is taken of something that contains an operator without a tangent rule.

    ```arch
    arch Net(x: [N, 16], v: [N, 16]) {
      shared f = { QuantizedLinear(16); relu }
      (x, v) -> jvp(f, 0)
    }
    ```

    Compute that part outside of what `jvp` is taken of, or write it with operators that have a rule.
    """

    code = "no-tangent"
