"""What a choice of labels may get wrong."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class NoSuchLabel(Stated):
    """A pass was asked to work on labels (`--pass "checkpoint{blocks=layer*.*}"`), and no label of the architecture fits. Labels
    are paths, as in the `state_dict`: `*` stands for a part of one segment, `**` for any number of segments.

    ```arch --pass=checkpoint{blocks=h.*}
    arch Net(x: [B, T, 16]) {
      blocks: repeat 4 { { Linear(16); relu } }
    }
    ```

    Say labels that there are; `archdsl summary` lists them.
    """

    code = "no-such-label"
