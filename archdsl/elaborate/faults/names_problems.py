"""Problems of names, arguments and the flow."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class UnknownName(Stated):
    """A name that nothing binds: no value, dimension, configuration, item of the file, import or built-in word.

    ```arch
    arch Net(x: [N, 16]) {
      h = fc: Linear(32)
      hh + 1
    }
    ```

    Correct the name (here `h + 1`), or bind it first. A name that is bound inside braces ends there; a dimension must stand
    alone in the header before it is used: `(x: [N, T, D])` binds `D`.
    """

    code = "unknown-name"


class UnknownLayer(Stated):
    """A name that starts with a capital, so it must be a layer or block, and is neither built in, nor in the file, nor
    imported.

    ```arch
    arch Net(x: [N, 16]) {
      Linaer(32)
    }
    ```

    Correct the name (`Linear(32)`), define the block, or import it: `use std.vision { ConvNorm }`. `archdsl ops` lists what
    is built in.
    """

    code = "unknown-layer"


class UnknownArgument(Stated):
    """An argument that the layer, function or block does not have.

    ```arch
    arch Net(x: [N, 3, H, W]) {
      Conv2d(64, 3, strides=2)
    }
    ```

    Correct the name (`stride=2`). Arguments are named as in `torch.nn`, but for one word: a position of an axis is `axis`,
    not `dim`. `archdsl ops Conv2d` lists what a layer takes.
    """

    code = "unknown-argument"


class MissingArgument(Stated):
    """An argument or a tensor without a default was not given.

    ```arch
    arch Net(x: [N, 3, H, W]) {
      Conv2d(64)
    }
    ```

    Give it: `Conv2d(64, 3)`. Only sizes that the compiler infers from the input, such as `in_channels`, are left out.
    """

    code = "missing-argument"


class RepeatedArgument(Stated):
    """An argument was given twice: by position and by name, twice by name, or at the use of a template that already had it.

    ```arch
    arch Net(x: [N, 3, H, W]) {
      Conv2d(64, 3, kernel_size=5)
    }
    ```

    Keep one of them: `Conv2d(64, 3)`.
    """

    code = "repeated-argument"


class TooManyArguments(Stated):
    """More arguments by position than there are places, or more tensors than a step takes.

    ```arch
    arch Net(x: [N, 3, H, W]) {
      Conv2d(3, 64, 7)
    }
    ```

    In a built-in layer only arguments without a default stand by position, and what the input's type says is inferred:
    `Conv2d(64, 7)`. Give the others by name: `Conv2d(64, 7, stride=2)`. A tuple that flows into a layer of one tensor must
    be taken apart or merged first.
    """

    code = "too-many-arguments"


class BadArgument(Stated):
    """An argument has a value that it cannot have: another kind of value, a number out of range, a word that is no choice.

    ```arch
    arch Net(x: [N, 16]) {
      Dropout(1.5)
    }
    ```

    Give a value that the message allows: `Dropout(0.5)`.
    """

    code = "bad-argument"


class TypeMismatch(Stated):
    """A value of one kind stands where another kind is needed: a list for a number, a tensor for configuration, a string for a
    dimension.

    ```arch
    arch Net(x: [N, 16]) {
      let widths = [32, 64]
      repeat i in 0..widths { Linear(32) }
    }
    ```

    Use the value that is meant: `repeat w in widths { Linear(w) }`. What is in parentheses is configuration, known at
    compile time; tensors flow to a layer along `->`, and a condition on a tensor is `where(condition, a, b)`.
    """

    code = "type-mismatch"


class NotATensor(Stated):
    """A tensor is needed here, and this is something else: a number, a tuple, a layer that was not applied.

    ```arch
    arch Net(x: [N, 16]) {
      halves = chunk(x, 2, axis=1)
      relu(halves)
    }
    ```

    Take a tuple apart (`a, b = chunk(x, 2, axis=1)`), apply a layer along `->`, say in an expression what a function works
    on (`relu(x)`).
    """

    code = "not-a-tensor"


class NotALayer(Stated):
    """Something is used as a layer that is none: it cannot be applied, shared, or given a default.

    ```arch
    arch Net(x: [N, 16]) {
      let width = 32
      shared f = width
      f
    }
    ```

    Name a layer, a block, or a group in braces: `shared f = Linear(width)`.
    """

    code = "not-a-layer"


class FlowDropped(Stated):
    """What comes along `->` is neither taken nor named by the step that it is sent to.

    ```arch
    arch Net(x: [N, 16], y: [N, 16]) {
      x -> relu -> add(x, y)
    }
    ```

    A function that is given a tensor gets just those: name the flow too (`x -> relu -> add(it, y)`), or start a new line.
    """

    code = "flow-dropped"


class NoFlow(Stated):
    """A step takes the flow where none is: the body of a `scan` starts without one.

    ```arch
    arch Net(x: [N, T, 16]) {
      scan xt in x over axis 1 {
        relu
        yield it
      }
    }
    ```

    Name the input of the first step: `xt -> relu`.
    """

    code = "no-flow"


class LayerInExpression(Stated):
    """A layer, or a block, stands where nothing can own it: in a function of tensors, or in the value of a `param` or
    `buffer`.

    ```arch
    fn double(x: [N, D]) -> [N, D] { x -> Linear(D) }

    arch Net(x: [N, 16]) { double }
    ```

    A function owns no layers; make it a block: `block Double(x: [N, D]) -> [N, D] { Linear(D) }`.
    """

    code = "layer-in-expression"


class UnusedValue(Stated):
    """A value is named and never used.

    ```arch
    arch Net(x: [N, 16]) {
      gate = fc: Linear(16)
      relu
    }
    ```

    Use it (`relu -> it * gate`), remove it, or bind it to `_` where only its place counts: `a, _ = chunk(x, 2)`.
    """

    code = "unused-value"
    severity = "warning"


class RenamedName(Stated):
    """A name of an arch, its configuration, inputs or outputs cannot be one of the PyTorch class: it is a keyword of Python
    (`lambda`), or the generated file has another use for it (`self`, `torch`, `F`, `range`). There it gets an underscore.

    ```arch
    arch Net(range: int = 4)(x: [N, 16]) {
      Linear(range)
    }
    ```

    Everything else keeps its name in the class: also a builtin of which the file has no use, such as `input`, `id` or `type`.
    """

    code = "renamed-name"
    severity = "warning"


class DroppedFlow(Stated):
    """The result of a step is thrown away: the next line starts from another value, and nothing names the first.

    ```arch
    arch Net(x: [N, 16]) {
      Linear(16)
      x -> Linear(4)
    }
    ```

    Leave the value out, so that the flow goes on (`Linear(4)`), name it (`h = Linear(16)`), or remove the step.
    """

    code = "dropped-flow"
    severity = "warning"
