"""Problems of selectors and of edits."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class BadSelector(Stated):
    """A selector cannot be read. It is a label path with `*` and `?` (`layer1.*.conv?`, `**` for any number of segments), the
    word of a layer, function, block or construct (`relu`, `skip`), an attribute (`groups=1`, `depth<=2`, `block=Bottleneck`), or
    these joined by `&`, `|`, `~`, `in` and parentheses: `Conv2d(groups=1) & ~layer1.**`, `relu in Bottleneck`.

    ```arch
    arch Base(x: [N, 8]) -> [N, 8] {
      fc: Linear(8)
      relu
    }

    variant Smooth of Base {
      replace relu & with gelu
    }
    ```

    Write what is missing, or leave out what joins nothing.
    """

    code = "bad-selector"


class NothingSelected(Stated):
    """A selector fits no step of the architecture, so an edit there would change nothing; or a pass was asked to work on labels
    (`--pass "checkpoint{blocks=layer*.*}"`), and none fits. What is near is said: labels, words, or the values that an attribute
    has. A word alone is that of a step anywhere or a label at the top; `**.fc1` is a label anywhere.

    ```arch
    arch Base(x: [N, 8]) -> [N, 8] {
      fc: Linear(8)
      relu
    }

    variant Smooth of Base {
      replace tanh with gelu
    }
    ```

    `archdsl summary` lists the labels; in Python, `print(graph.select())` lists every step that can be edited.
    """

    code = "nothing-selected"


class EditsClash(Stated):
    """Two edits of one variant meet in one place, and one of them does nothing: the first takes away what the second selects, or
    the second takes away all that the first put there. Edits apply in the order of the text, each to what those above it made.

    ```arch
    arch Base(x: [N, 8]) -> [N, 8] {
      fc: Linear(8)
      relu
    }

    variant Smooth of Base {
      replace relu with gelu
      replace relu with silu
    }
    ```

    Leave one of the two out, or select what stands there by then.
    """

    code = "edits-clash"


class TooManyEdits(Stated):
    """A variant has more edits than are applied, those of the variants that it is of included: one selector can mean many steps,
    and what differs everywhere is an arch of its own.

    ```sh
    { echo 'arch A(x: [N, 8]) -> [N, 8] { fc: Linear(8) }'; echo 'variant B of A {'
      for i in $(seq 65); do echo "insert after fc { fc$i: Linear(8) }"; done; echo '}'; } > many.arch; archdsl check many.arch
    ```

    Select more with one edit, or write the arch anew.
    """

    code = "too-many-edits"


class BadPiece(Stated):
    """The text of an edit is not what the edit takes: a step or chain to replace or insert, a construct to wrap, arguments by
    name to set.

    ```sh
    echo 'arch A(x: [N, 8]) -> [N, 8] { fc: Linear(8); relu }' > net.arch
    python -c 'import archdsl; archdsl.load("net.arch").graph().select("relu").replace("h = gelu")'
    ```

    Write one step or chain: `replace("gelu")`, `insert_after("norm: LayerNorm -> relu")`, `wrap("skip")`, `set(bias=False)`.
    """

    code = "bad-piece"


class EditNotPossible(Stated):
    """A step cannot be edited so: `set` needs a call with arguments, and what takes several tensors cannot be removed, since
    nothing says which of them flows on.

    ```arch
    arch Base(x: [N, 8], y: [N, 8]) -> [N, 8] {
      concat(x, y, axis=1)
      fc: Linear(8)
    }

    variant Smaller of Base {
      remove concat
    }
    ```

    Replace it with what shall stand there.
    """

    code = "edit-not-possible"


class NotAsWritten(Stated):
    """Steps are selected, or another configuration is asked for, in a graph that is not as its text says: a pass changed it,
    or it was read as a graph. Edits are of the text, so that what they make can be checked, printed and drawn as if it had
    been written.

    ```sh
    echo 'arch A(x: [N, 8]) -> [N, 8] { fc: Linear(8); BatchNorm1d; relu }' > net.arch
    python -c 'import archdsl; archdsl.load("net.arch").graph(passes="fold-batchnorm").select("relu")'
    ```

    Edit first, then run passes: `edited = spec.graph().select("relu").replace("gelu")`, then
    `spec.graph(edited, passes="fold-batchnorm")`. On the command line write the edit as a `variant`, and give `--pass` with it.
    """

    code = "not-as-written"
