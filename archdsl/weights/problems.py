"""What can be wrong with a weight map, and with weights that are to go through it."""

from __future__ import annotations

from archdsl.problems.problem import Problem
from archdsl.records import facts


@facts
class BadWeightMap(Problem):
    """A weight map cannot be read, or says something that no map may say.

    ```sh
    printf '[rename]\\n"a.{i}" = "b"\\n' > lossy.toml
    archdsl weights convert specs/vit.arch:ViTB16 vit.safetensors --map lossy.toml -o own.safetensors
    ```

    A map only gives the same numbers other names and places. What a name holds in braces must stand on both sides, or two
    tensors would become one; `docs/how-to/map-weights.md` tells what a map may say.
    """

    code = "bad-weight-map"
    why: str

    def message(self) -> str:
        return self.why


@facts
class WeightsDoNotFit(Problem):
    """Weights and what they are for differ in names, shapes or types.

    ```sh
    archdsl weights convert specs/vit.arch:ViTB16 resnet50.safetensors --map specs/maps/timm_vit.toml -o own.safetensors
    ```

    Every tensor of the file must be taken by one rule of the map, or be dropped by its name with a reason, and every tensor of
    the architecture must be filled once, in its own shape. `archdsl weights inspect FILE --spec SPEC` shows what is in the file,
    what fits, and which map it looks like. A small variant of the architecture wants its configuration: `-D depth=2`.
    """

    code = "weights-do-not-fit"
    why: str

    def message(self) -> str:
        return self.why


@facts
class WeightsNotAsClaimed(Problem):
    """Weights are not what the map says of them: a tensor that it drops as a copy is none, or one that it takes for a constant is
    not.

    ```sh
    archdsl weights convert specs/densenet.arch:DenseNet121 own.safetensors --map theirs.toml --reverse -o theirs.safetensors
    ```

    With these weights the two networks are different functions, so nothing was written. They may have been trained further in a
    place that the other layout does not have.
    """

    code = "weights-not-as-claimed"
    why: str

    def message(self) -> str:
        return self.why


@facts
class CannotKeepFunction(Problem):
    """Weights were to be carried so that the new network computes what the old one did, and at this step that cannot be.

    ```sh
    archdsl weights migrate net.arch net.arch net.safetensors --new heads=3 --same-function -o wider.safetensors
    ```

    A wider axis repeats the places that were, so what sums over it can share its weights out; a mean or a norm over it stays the
    same where every place is repeated equally often (twice as wide, not one and a half times). A new layer must be one that can
    be an identity, or stand in a skip, whose branch then begins as zero. Two names of one tensor cannot be two tensors. Without
    `--same-function` what overlaps is kept and the rest is fresh.
    """

    code = "cannot-keep-function"
    why: str

    def message(self) -> str:
        return f"the function cannot be kept at {self.why}"
