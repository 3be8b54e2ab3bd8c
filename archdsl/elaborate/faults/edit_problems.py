"""Problems of selectors and of edits."""

from __future__ import annotations

from archdsl.elaborate.faults.stated import Stated


class BadSelector(Stated):
    """A selector cannot be read. It is a label path with `*` and `?` (`layer1.*.conv?`, `**` for any number of segments), the
    word of a layer, function, block or construct (`relu`, `skip`), an attribute (`groups=1`, `depth<=2`, `block=Bottleneck`), or
    these joined by `&`, `|`, `~`, `in` and parentheses: `Conv2d(groups=1) & ~layer1.**`, `relu in Bottleneck`.
    """

    code = "bad-selector"


class NothingSelected(Stated):
    """A selector fits no step of the architecture, so an edit there would change nothing. What is near is said: labels, words, or
    the values that an attribute has.
    """

    code = "nothing-selected"


class BadPiece(Stated):
    """The text of an edit is not what the edit takes: a step or chain to replace or insert, a construct to wrap, arguments by
    name to set.
    """

    code = "bad-piece"


class EditNotPossible(Stated):
    """A step cannot be edited so: `set` needs a call with arguments, and what takes several tensors cannot be removed, since
    nothing says which of them flows on.
    """

    code = "edit-not-possible"
