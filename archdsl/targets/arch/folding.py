"""Lines that repeat as a `repeat`: the same text again, or the same under labels that count."""

from __future__ import annotations

import re

from archdsl.records import record

_NUMBER = re.compile(r"(?<![0-9])(?:0|[1-9][0-9]*)(?![0-9])", re.ASCII)
SHORT = 50
LONGEST = 200
"""How many lines an iteration may have to be looked for."""


@record
class Entry:
    """A line: its label, where it has one, and the rest."""

    label: str
    text: str
    single: bool = False
    """It is one layer that a container's number names."""
    numbered: str = ""
    """The same as the whole of a labelled container, whose label numbers the iterations."""

    def __str__(self) -> str:
        return f"{self.label}: {self.text}" if self.label else self.text


def folded(entries: list[Entry]) -> list[Entry]:
    """The lines with runs of equal ones folded."""
    return _same(_counted(entries))


def in_braces(entries: list[Entry]) -> str:
    """Lines in braces; what is short stays on the line of its braces."""
    if not entries:
        return "{ }"
    lines = list(map(str, entries))
    if len(lines) <= 2 and not any("\n" in one for one in lines) and sum(map(len, lines)) <= SHORT:
        return f"{{ {'; '.join(lines)} }}"
    return "{\n" + "\n".join(lines) + "\n}"


def whole(entries: list[Entry], fresh: bool) -> str:
    """What stands right of a container's label: the lines in braces, or the one `repeat` whose iterations it numbers, where it
    has counted nothing before."""
    if len(entries) == 1 and entries[0].numbered and fresh:
        return entries[0].numbered
    return in_braces(entries)


def _lines(entries: list[Entry]) -> int:
    return sum(one.text.count("\n") + 1 for one in entries)


def _same(entries: list[Entry]) -> list[Entry]:
    """Stretches that come again and again, word for word."""
    done: list[Entry] = []
    index = 0
    while index < len(entries):
        best = (0, 0)
        for period in range(1, min(LONGEST, (len(entries) - index) // 2) + 1):
            count = 1
            part = entries[index : index + period]
            if any(one.label for one in part):
                break
            while entries[index + count * period : index + (count + 1) * period] == part:
                count += 1
            if count > 1 and (count - 1) * _lines(part) > 2 and count * period > best[0] * best[1]:
                best = (period, count)
        period, count = best
        if not period:
            done.append(entries[index])
            index += 1
            continue
        said = f"repeat {count} {in_braces(_same(entries[index : index + period]))}"
        done.append(Entry("", said, numbered=said if period == 1 and entries[index].single else ""))
        index += period * count
    return done


def _counted(entries: list[Entry]) -> list[Entry]:
    """Lines that differ only in one number of their label."""
    done: list[Entry] = []
    index = 0
    while index < len(entries):
        end, before, after = index + 1, "", ""
        for found in reversed(list(_NUMBER.finditer(entries[index].label))):
            start, first, rest = entries[index].label[: found.start()], int(found[0]), entries[index].label[found.end() :]
            stop = index + 1
            while stop < len(entries) and entries[stop].text == entries[index].text:
                if entries[stop].label != f"{start}{first + stop - index}{rest}":
                    break
                stop += 1
            if stop > end:
                end, before, after, low = stop, start, rest, first
        if (end - index - 1) * _lines(entries[index : index + 1]) > 2:
            text = entries[index].text
            counter = next(name for name in ("i", "j", "k", "index") if not re.search(rf"\b{name}\b", text))
            inside = in_braces([Entry("", f'"{before}{{{counter}}}{after}": {text}')])
            alone = text.startswith("{") and not before and not after and low == 0
            said = f"repeat {counter} in {low}..{low + end - index} {inside}"
            done.append(Entry("", said, numbered=f"repeat {end - index} {text}" if alone else ""))
        else:
            done += entries[index:end]
        index = end
    return done
