"""Problems of shapes, dtypes, scans and sizes."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class ShapeMismatch(Stated):
    """Two sizes that must be equal are not."""

    code = "shape-mismatch"


class UnprovedDimension(Stated):
    """A size cannot be proved to be what it must be."""

    code = "unproved-dimension"


class RankMismatch(Stated):
    """A tensor has another number of axes than what is asked for."""

    code = "rank-mismatch"


class DtypeMismatch(Stated):
    """A tensor has another dtype than what is asked for."""

    code = "dtype-mismatch"


class AxisOutOfRange(Stated):
    """There is no such axis."""

    code = "axis-out-of-range"


class IndexOutOfRange(Stated):
    """An index or slice goes beyond the axis."""

    code = "index-out-of-range"


class BadPattern(Stated):
    """A pattern of einops or einsum cannot be read or does not fit."""

    code = "bad-pattern"


class ContractMismatch(Stated):
    """The result of a body is not what its header says."""

    code = "contract-mismatch"


class UndecidedCondition(Stated):
    """A condition depends on a dimension, and no fact decides it."""

    code = "undecided-condition"


class UnprovableFact(Stated):
    """A `require` states what cannot be used as a fact."""

    code = "unprovable-fact"


class NeedsANumber(Stated):
    """A size of a parameter must be a number."""

    code = "needs-a-number"


class CarryMismatch(Stated):
    """The next value of a carry has another type."""

    code = "carry-mismatch"


class UnusedCarry(Stated):
    """A carry is never assigned."""

    code = "unused-carry"


class ScanLength(Stated):
    """The scanned axes have different lengths."""

    code = "scan-length"


class BadScan(Stated):
    """A scan that cannot be."""

    code = "bad-scan"


class StateInScan(Stated):
    """A layer that updates its state in training stands in a scan."""

    code = "state-in-scan"


class TrainingMismatch(Stated):
    """The two sides of `if training` differ."""

    code = "training-mismatch"


class PartsMismatch(Stated):
    """A tuple is taken apart into another number of names."""

    code = "parts-mismatch"


class DimensionTooLarge(Stated):
    """A symbolic size has more terms than the limit."""

    code = "dimension-too-large"


class SharedMismatch(Stated):
    """A shared layer is used with inputs that ask for other tensors."""

    code = "shared-mismatch"


class NotAParameter(Stated):
    """A layer's tensor is given by something that is no parameter."""

    code = "not-a-parameter"
