"""What an operator does to repeated places, found by running it: on old values, and on the same values repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Op
from archdsl.weights.growing.spread import Map, Maps, Refused, around, repeated

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-9
"""Of values near 1 in float64: what differs by less is equal but for rounding."""
COLUMNS = 256
"""So many elements of each place are compared to find its like; then all of them are."""


class Probe:
    """Runs single operators in float64, symbolic dimensions bound to numbers; its random values are always the same."""

    def __init__(self, binding: Mapping[str, int]) -> None:
        import torch

        self.binding = dict(binding)
        self.draw = torch.Generator().manual_seed(0)

    def size(self, size: Size) -> int:
        """A size as a number."""
        return size.evaluate(self.binding) if isinstance(size, Dim) else size

    def shape(self, type: TensorType) -> tuple[int, ...]:
        """A shape in numbers."""
        return tuple(map(self.size, type.shape))

    def _bound(self, value: Any) -> Any:
        """A configuration value with its dimensions as numbers."""
        if isinstance(value, tuple):
            return tuple(map(self._bound, value))
        return self.size(value) if isinstance(value, Dim) else value

    def sample(self, type: TensorType, *, signed: bool = False) -> torch.Tensor:
        """Values of a type: floats from 0.1 to 1.1, or `signed` from -2 to 2; whole numbers 0 and 1; mostly true."""
        import torch

        shape = self.shape(type)
        drawn = torch.rand(shape, generator=self.draw, dtype=torch.float64)
        if type.dtype == "bool":
            return drawn < 0.8
        if type.dtype[0] in "iu":
            return (drawn < 0.5).to(torch.int64)
        return 4 * drawn - 2 if signed else drawn + 0.1

    def run(
        self, op: Op, inputs: Sequence[TensorType | None], outputs: Sequence[TensorType], values: Sequence[torch.Tensor | None],
        state: Mapping[str, torch.Tensor] | None = None,
    ) -> list[torch.Tensor]:  # fmt: skip
        """The results of a bound operator in evaluation mode; of a layer with this state. Raises `Refused` where it fails."""
        import torch

        from archdsl.targets.torch.module import execute
        from archdsl.targets.torch.single import single_source

        op = op.changed(**{name: one for name, value in op.items() if (one := self._bound(value)) != value})
        types = [None if one is None else TensorType(self.shape(one), one.dtype) for one in inputs]
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            module: Any = (
                execute(single_source(op, types, [TensorType(self.shape(one), one.dtype) for one in outputs])).Single().eval()
            )
            if state:
                module.layer.load_state_dict(dict(state))
            with torch.no_grad():
                made = module(*(one for one in values if one is not None))
        except (RuntimeError, ValueError, IndexError, TypeError) as fault:
            raise Refused(f"it could not be tried: {str(fault).splitlines()[0]}") from None
        finally:
            torch.set_default_dtype(before)
        return list(made) if isinstance(made, tuple) else [made]


def equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal but for rounding."""
    import torch

    if one.shape != other.shape:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    return torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def find_maps(old: torch.Tensor, new: torch.Tensor, guesses: Sequence[Map]) -> Maps | None:
    """The maps by which the new values are the old ones repeated, or None where they are not; guesses of a fitting size first."""
    if old.ndim != new.ndim:
        return None
    wide = [axis for axis in range(old.ndim) if old.shape[axis] != new.shape[axis]]
    found: dict[int, Map] = {}
    for axis in wide:
        others = [one for one in wide if one != axis]
        before, after = (_marks(one, axis, others) for one in (old, new))
        if not len(before) or len(after) < len(before):
            return None
        every = (*guesses, around(len(before), len(after)))
        fitting = (one for one in every if len(one) == len(after) and max(one) < len(before))
        map = next((one for one in fitting if equal(after, repeated(before, {0: one}))), None)
        if map is None:
            map = _nearest(before, after)
        if map is None:
            return None
        found[axis] = map
    return found if equal(new, repeated(old, found)) else None


def _marks(values: torch.Tensor, axis: int, others: Sequence[int]) -> torch.Tensor:
    """What tells the places along an axis apart, whatever the other wide axes repeat."""
    values = values.double()
    if others:
        values = values.amax(list(others), keepdim=True)
    return values.movedim(axis, 0).flatten(1)[:, :COLUMNS]


def _nearest(before: torch.Tensor, after: torch.Tensor) -> Map | None:
    import torch

    apart = torch.cdist(after, before, compute_mode="donot_use_mm_for_euclid_dist")
    least, map = apart.min(1)
    return tuple(map.tolist()) if bool((least <= 1e-6).all()) else None
