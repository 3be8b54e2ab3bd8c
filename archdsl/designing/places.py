"""Where a step stands in its text: in a chain, alone on a line, behind `via`; and which part of the text an edit takes."""

from __future__ import annotations

from archdsl.designing.wording import Region, Wording
from archdsl.elaborate.editing.trie import Edit
from archdsl.records import record
from archdsl.source import Source, Span
from archdsl.syntax import tree


@record
class Place:
    """What a step stands in: a chain, with its index, on a line of a body or not; or a `skip` whose shortcut it is."""

    chain: tree.Chain | None = None
    index: int = 0
    line: tree.Flow | None = None
    merged: bool = False
    """Whether the line is one of the results of a `branch`."""
    skip: tree.Skip | None = None
    declared: bool = False


class Places:
    """The steps of a text by their places."""

    def __init__(self, source: Source, file: tree.File) -> None:
        self.source = source
        self.places: dict[Span, Place] = {}
        for item in file.items:
            self._walk(item, None, False)

    def _walk(self, one: tree.Tree, line: tree.Flow | None, merged: bool) -> None:
        if isinstance(one, tree.Chain):
            for index, link in enumerate(one.links):
                self.places[link.step.span] = Place(one, index, line, merged)
        elif isinstance(one, tree.Skip) and one.via is not None:
            self.places[one.via.span] = Place(skip=one)
        elif isinstance(one, tree.Shared):
            self.places[one.step.span] = Place(declared=True)
        inside = isinstance(one, tree.Branch)
        for below in one.children():
            if isinstance(one, tree.Body):
                self._walk(below, below if isinstance(below, tree.Flow) else None, merged)
            else:
                self._walk(below, line if isinstance(one, tree.Flow) else None, inside or (merged and isinstance(one, tree.Flow)))

    def region(self, edit: Edit, inner: list[Region], plain: bool, standing: bool) -> Region:
        """The part of the text that an edit takes, and what stands there instead. `inner` are the edits inside; `plain` and
        `standing` are as in `Wording` and `removed`."""
        span = edit.old.span
        place = self.places.get(span)
        if edit.new is None:
            return self.removed(edit, place, standing)
        indent = self._indent(span)
        wording = Wording(edit.old, edit.pieces, inner, plain, indent)
        if not isinstance(edit.new, tree.Step):
            return (span.start, span.end, wording.term(edit.new))
        opened = self._opened(edit.new, place, wording, indent) if plain else None
        if opened is not None:
            return (span.start, span.end, opened)
        chained = place is None or place.chain is not None
        return (span.start, span.end, wording.step(edit.new, chained))

    @staticmethod
    def _opened(new: tree.Step, place: Place | None, wording: Wording, indent: str) -> str | None:
        """What stands in braces of the author's, without them, where it is a line by itself."""
        if place is None or place.line is None or place.chain is None or place.merged:
            return None
        if len(place.chain.links) > 1 or place.chain.links[0].names is not None:
            return None
        if new.label is not None or not isinstance(new.term, tree.Body) or id(new.term) not in wording.known:
            return None
        inside = wording.written(new.term.span)[1:-1]
        if "\n" not in inside:
            return inside.strip()
        first, *lines = inside.rstrip().split("\n")  # behind the brace stands a comment, if anything
        deeper = min((len(one) - len(one.lstrip()) for one in lines if one.strip()), default=0)
        opened = [indent + one[deeper:] if one.strip() else "" for one in lines]
        return "\n".join(([indent + first.strip()] if first.strip() else []) + opened).lstrip()

    def removed(self, edit: Edit, place: Place | None, standing: bool) -> Region:
        """The part that goes with a removed step: its line, or its link; with `standing` an `Identity` keeps its number."""
        span = edit.old.span
        text = self.source.text
        if place is not None and place.skip is not None:
            return (place.skip.body.span.end, span.end, "")
        if place is None or place.chain is None or place.merged and len(place.chain.links) == 1:
            return (span.start, span.end, "it")
        links = place.chain.links
        if standing:
            label = edit.old.label if isinstance(edit.old, tree.Step) else None
            return (span.start, span.end, ("" if label is None else label.span.text + ": ") + "Identity")
        if links[place.index].names is not None or (len(links) == 1 and place.line is None):
            return (span.start, span.end, "it")
        if place.index:
            return (links[place.index - 1].span.end, span.end, "")
        if len(links) > 1:
            return (span.start, links[1].span.start, "")
        return self._line(span, text)

    @staticmethod
    def _line(span: Span, text: str) -> Region:
        """A statement with the end of its line, or with the `;` beside it."""
        start = text.rfind("\n", 0, span.start) + 1
        end = text.find("\n", span.end)
        end = len(text) if end < 0 else end
        before, after = text[start : span.start], text[span.end : end].lstrip()
        if not before.strip() and (not after or after.startswith("#")):
            return (start, min(end + 1, len(text)), "")
        if after.startswith(";"):
            stop = text.index(";", span.end) + 1
            return (span.start, stop + len(text[stop:end]) - len(text[stop:end].lstrip()), "")
        if before.rstrip().endswith(";"):
            return (start + before.rindex(";"), span.end, "")
        return (span.start, span.end, "")

    def _indent(self, span: Span) -> str:
        line = self.source.text[self.source.text.rfind("\n", 0, span.start) + 1 : span.start]
        return line[: len(line) - len(line.lstrip())]
