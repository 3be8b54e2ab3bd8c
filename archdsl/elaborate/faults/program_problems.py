"""Problems of imports, limits, configuration from outside and expectations."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class ImportNotFound(Stated):
    """An imported file does not exist or cannot be read, or it has no item of that name.

    ```arch
    use "./blocks.arch" { Stem }

    arch Net(x: [N, 3, H, W]) { Stem }
    ```

    Correct the path, which is relative to the file that has the `use`, or the name. `use std.vision { … }` reads the
    standard library.
    """

    code = "import-not-found"


class ImportOutsideRoot(Stated):
    """An import leads out of the project. Files are read only below the project's root, the standard library and the folders
    of `-I`.

    ```arch
    use "../../../../../../../etc/blocks.arch" { Stem }

    arch Net(x: [N, 3, H, W]) { Stem }
    ```

    Move the file into the project, or name its folder: `archdsl check -I ../shared net.arch`.
    """

    code = "import-outside-root"


class ImportCircle(Stated):
    """Files import each other in a circle, so that none can be understood first.

    ```arch
    use "./blocks.arch" { Stem }

    let width = 64
    arch Net(x: [N, 3, H, W]) { Stem }
    ```

    ```arch blocks.arch
    use "./case.arch" { width }

    block Stem(x: [N, C, H, W]) { Conv2d(width, 7) }
    ```

    Move what both need (`width`) to a third file that imports neither.
    """

    code = "import-circle"


class TooManyImports(Stated):
    """A program imports more than 256 files, counted with those that they import, or imports are nested more than 60 deep.

    ```sh
    for i in $(seq 300); do echo "let w$i = 1" > part$i.arch; echo "use \"./part$i.arch\" { w$i }"; done > all.arch
    archdsl check all.arch
    ```

    Put blocks that belong together into one file.
    """

    code = "too-many-imports"


class TooManyNodes(Stated):
    """The program expands to more than 100,000 steps, or blocks call each other more than 60 deep. It is counted before it is
    expanded.

    ```arch
    arch Net(x: [N, 16]) {
      repeat 1_000_000 { relu }
    }
    ```

    Repeat less. A loop over the positions of a tensor is a `scan`, which is one step.
    """

    code = "too-many-nodes"


class TooManySteps(Stated):
    """The configuration takes too long to evaluate: more than 100,000 steps, or functions that call each other more than 64
    deep.

    ```arch
    fn forever(n) = forever(n + 1)

    arch Net(x: [N, 16]) { Linear(forever(1)) }
    ```

    End the recursion (`fn down(n) = n if n < 2 else down(n - 1)`), or give the number itself.
    """

    code = "too-many-steps"


class ListTooLong(Stated):
    """A list of configuration has more than 100,000 elements.

    ```arch
    let widths = [64] * 1_000_000

    arch Net(x: [N, 16]) { Linear(widths[0]) }
    ```

    Make a shorter one; a `repeat` takes a count, without a list: `repeat 12 { … }`.
    """

    code = "list-too-long"


class UnknownConfiguration(Stated):
    """Configuration, or an optional input, is given from outside that the arch does not have.

    ```arch clases=10
    arch Net(classes: int = 1000)(x: [N, 16]) { Linear(classes) }
    ```

    Correct the name: `-D classes=10`. What an arch takes stands in the first parentheses of its header.
    """

    code = "unknown-configuration"


class NotConfigured(Stated):
    """A parameter of the arch has no default, and it was not given.

    ```arch width=64
    arch Net(classes: int, width: int = 32)(x: [N, 16]) { Linear(width); Linear(classes) }
    ```

    Give it when the arch is compiled (`-D classes=10`), or a default in the header: `classes: int = 1000`.
    """

    code = "not-configured"


class ExpectationFailed(Stated):
    """What `expect` states of the arch is not so, or, for a property of the data flow, cannot be proved.

    ```arch
    arch Net(x: [N, 16]) -> logits: [N, 10] {
      Linear(10)
      expect { params == 160 }
    }
    ```

    Where the model is right, correct the number (here 170: the bias counts too). Otherwise the model is not what it was
    meant to be.
    """

    code = "expectation-failed"


class BadExpectation(Stated):
    """What `expect` states cannot be checked: it is none of the forms that it takes, or names an output, input or dimension
    that there is not.

    ```arch
    arch Net(x: [N, 16]) -> logits: [N, 10] {
      Linear(10)
      expect { flops == 160 }
    }
    ```

    State `params == 170`, `macs(N=1) == 160`, `activations(N=1) == …`, a type (`logits == [N, 10]`), or a property
    (`causal`, `independent`, `equivariant`): `independent(logits, x, axis=0)`.
    """

    code = "bad-expectation"
