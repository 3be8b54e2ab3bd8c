"""Problems of names, arguments and the flow."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class UnknownName(Stated):
    """A name that nothing binds."""

    code = "unknown-name"


class UnknownLayer(Stated):
    """A CamelCase name that is no layer, block or import."""

    code = "unknown-layer"


class UnknownFunction(Stated):
    """A function that does not exist."""

    code = "unknown-function"


class UnknownArgument(Stated):
    """An argument that the layer, function or block does not have."""

    code = "unknown-argument"


class MissingArgument(Stated):
    """An argument without a default was not given."""

    code = "missing-argument"


class RepeatedArgument(Stated):
    """An argument was given twice."""

    code = "repeated-argument"


class TooManyArguments(Stated):
    """More arguments by position than there are places."""

    code = "too-many-arguments"


class BadArgument(Stated):
    """An argument has a value that cannot be."""

    code = "bad-argument"


class TypeMismatch(Stated):
    """A value is of another kind than what is asked for."""

    code = "type-mismatch"


class NotATensor(Stated):
    """A tensor is needed here."""

    code = "not-a-tensor"


class NotALayer(Stated):
    """Something is used as a layer that is none."""

    code = "not-a-layer"


class FlowDropped(Stated):
    """A link after `->` neither takes the flow nor names it."""

    code = "flow-dropped"


class NoFlow(Stated):
    """A step takes the flow where there is none."""

    code = "no-flow"


class LayerInExpression(Stated):
    """A layer stands where only a value can."""

    code = "layer-in-expression"


class UnusedValue(Stated):
    """A named value is never used."""

    code = "unused-value"
    severity = "warning"


class DroppedFlow(Stated):
    """The flow is thrown away."""

    code = "dropped-flow"
    severity = "warning"
