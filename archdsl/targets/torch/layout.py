"""Long lines broken as ruff does it: the last bracket opened, of a function the first, one item a line where they do not fit."""

from __future__ import annotations

WIDTH = 100


def lay_out(text: str, indent: int, note: str = "", width: int = WIDTH) -> list[str]:
    """The statement as lines with their indent; `note` is its comment."""
    pad = " " * indent
    tail = f"  # {note}" if note else ""
    if indent + len(text) <= width:
        if indent + len(text) + len(tail) <= width or not note:
            return [f"{pad}{text}{tail}"]
        return [*_above(note, indent, width), f"{pad}{text}"]
    return [*_above(note, indent, width), *_broken(text, indent, width)]


def _above(note: str, indent: int, width: int) -> list[str]:
    """A comment on a line of its own, where there is room for one."""
    return [f"{' ' * indent}# {note}"] if note and indent + 2 + len(note) <= width else []


def _broken(text: str, indent: int, width: int) -> list[str]:
    pad = " " * indent
    if indent + len(text) <= width:
        return [pad + text]
    for start, end in top_brackets(text)[:: 1 if text.startswith("def ") else -1]:
        head, inner, tail = text[: start + 1], text[start + 1 : end], text[end:]
        if not inner.strip() or indent + len(head) > width:
            continue
        items = split_items(inner)
        if len(items) == 1 and not _callish(head):
            body = _broken(items[0], indent + 4, width)
        elif indent + 4 + len(inner) <= width and not inner.rstrip().endswith(","):
            body = [f"{pad}    {inner}"]
        else:
            body = []
            for item in items:
                lines = _broken(item, indent + 4, width)
                lines[-1] += "" if len(items) == 1 and _is_generator(item) else ","
                body += lines
        if indent + len(tail) <= width:
            return [pad + head, *body, pad + tail]
        return [pad + head, *body, *_broken(tail, indent, width)]
    return _in_brackets(text, indent, width)


def _in_brackets(text: str, indent: int, width: int) -> list[str]:
    """A tuple without brackets, that is returned or assigned to, in brackets of its own; other texts as they are."""
    pad = " " * indent
    word, inner = ("return ", text[7:]) if text.startswith("return ") else ("", text.split(" = ")[0])
    items = split_items(inner)
    if len(items) < 2:
        return [pad + text]
    body = [f"{pad}    {one}," for one in items]
    return [f"{pad}{word}(", *body, *_broken(f"){text[len(word) + len(inner) :]}", indent, width)]


def _is_generator(item: str) -> bool:
    """Whether an argument is a generator, alone or after a star, which stands without a trailing comma."""
    if item.startswith("*"):
        return " for " in item
    return any(" for " in item[start:end] for start, end in _gaps(item))


def _gaps(text: str) -> list[tuple[int, int]]:
    """The parts of a text outside its brackets."""
    found = top_brackets(text)
    edges = [0, *(edge for start, end in found for edge in (start, end + 1)), len(text)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _callish(head: str) -> bool:
    """Whether a bracket opens arguments or items, which take a trailing comma."""
    return len(head) > 1 and (head[-2].isalnum() or head[-2] in "_)]") or head[-1] in "[{"


def split_items(text: str) -> list[str]:
    """The comma-separated items of a bracket's content; a comprehension is one, and so is a lambda."""
    items, depth, quoted, start, index = [], 0, "", 0, 0
    heading = False
    """Whether these are the arguments of a lambda."""
    while index < len(text):
        letter = text[index]
        if quoted:
            if letter == "\\":
                index += 1
            elif letter == quoted:
                quoted = ""
        elif letter in "\"'":
            quoted = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif depth == 0 and text.startswith("lambda ", index) and not text[start:index].strip():
            heading = True
        elif letter == ":" and depth == 0:
            heading = False
        elif letter == "," and depth == 0 and not heading:
            items.append(text[start:index].strip())
            start = index + 1
        index += 1
    rest = text[start:].strip()
    return [*items, rest] if rest else items


def top_brackets(text: str) -> list[tuple[int, int]]:
    """Where each outermost bracket opens and closes; what stands in strings does not count."""
    found, depth, quoted, opened, index = [], 0, "", 0, 0
    while index < len(text):
        letter = text[index]
        if quoted:
            if letter == "\\":
                index += 1
            elif letter == quoted:
                quoted = ""
        elif letter in "\"'":
            quoted = letter
        elif letter in "([{":
            if depth == 0:
                opened = index
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0:
                found.append((opened, index))
            depth = max(depth, 0)  # the text may begin where a bracket closes
        index += 1
    return found
