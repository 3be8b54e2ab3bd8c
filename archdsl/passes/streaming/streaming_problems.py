"""What keeps a model from running step by step."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class CannotStream(Stated):
    """The module of one step was asked for (`compile --step`, `Spec.step`), and the model does something that needs more of the
    sequence than the present position and what scans carry: it walks backwards, attends to or averages over all positions, looks
    ahead, or depends on the length of the sequence.

    ```arch --step
    arch Net(x: [B, T, 16]) {
      scan xt in x over axis 1 {
        carry h = zeros(B, 16)
        h = 0.5 * h + xt
        yield h
      }
      it - mean(it, axis=1, keepdim=true)
    }
    ```

    Carry what is needed of the past in a `scan` (a running mean is a sum and a count), or run the whole module on the sequence so
    far.
    """

    code = "cannot-stream"
