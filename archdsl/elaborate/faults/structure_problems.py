"""Problems of labels, items, imports, heads, limits and expectations."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class AlreadyBound(Stated):
    """A name is bound twice in the same braces."""

    code = "already-bound"


class ReboundInParallel(Stated):
    """A name outside is rebound in a body that runs beside the flow."""

    code = "rebound-in-parallel"


class NeedsLabel(Stated):
    """A layer that owns tensors stands where it takes no number, and has no label."""

    code = "needs-label"


class DuplicateLabel(Stated):
    """Two things have the same path."""

    code = "duplicate-label"


class ReservedLabel(Stated):
    """A label that `torch.nn.Module` owns."""

    code = "reserved-label"


class BadLabel(Stated):
    """A label's template cannot be filled or makes no label."""

    code = "bad-label"


class RecursiveBlock(Stated):
    """A block contains itself."""

    code = "recursive-block"


class RecursiveFunction(Stated):
    """A function of tensors calls itself."""

    code = "recursive-function"


class ImportNotFound(Stated):
    """An imported file or name does not exist."""

    code = "import-not-found"


class ImportOutsideRoot(Stated):
    """An import leads out of the project."""

    code = "import-outside-root"


class ImportCircle(Stated):
    """Files import each other in a circle."""

    code = "import-circle"


class TooManyImports(Stated):
    """There are more imports than the limit."""

    code = "too-many-imports"


class TooManyNodes(Stated):
    """The program expands to more nodes than the limit."""

    code = "too-many-nodes"


class TooLargeNumber(Stated):
    """A number goes beyond 64 bits."""

    code = "too-large-number"


class TooManySteps(Stated):
    """The configuration takes more steps than the limit."""

    code = "too-many-steps"


class MissingOutput(Stated):
    """An output of the header has no head."""

    code = "missing-output"


class UnknownOutput(Stated):
    """A head that the header does not name."""

    code = "unknown-output"


class MisplacedHead(Stated):
    """A head where no output can be made."""

    code = "misplaced-head"


class MisplacedStatement(Stated):
    """A statement where it has no meaning."""

    code = "misplaced-statement"


class NoSuchArch(Stated):
    """The file has no such arch."""

    code = "no-such-arch"


class UnknownConfiguration(Stated):
    """A configuration name that the arch does not have."""

    code = "unknown-configuration"


class NotConfigured(Stated):
    """A parameter without a default was not given."""

    code = "not-configured"


class UncheckedBlock(Stated):
    """A block was checked for names only."""

    code = "unchecked-block"
    severity = "warning"


class ExpectationFailed(Stated):
    """What `expect` states is not so."""

    code = "expectation-failed"


class BadExpectation(Stated):
    """What `expect` states cannot be checked."""

    code = "bad-expectation"


class BadArithmetic(Stated):
    """An arithmetic fault such as a division by zero."""

    code = "bad-arithmetic"


class NotOnADimension(Stated):
    """An operation that a symbolic dimension does not have."""

    code = "not-on-a-dimension"


class RequirementFailed(Stated):
    """A `require` does not hold."""

    code = "requirement-failed"


class AbsentInput(Stated):
    """An optional input that was not given is used."""

    code = "absent-input"
