"""What is near where a selector means nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from archdsl.elaborate.editing.selectors import (
    OWN,
    At,
    Both,
    Either,
    Has,
    Inside,
    Not,
    Selector,
    left_out,
    plain,
    segments_of,
    told,
)
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.elaborate.lookup import builtin
from archdsl.ir.node import Path
from archdsl.problems.suggest import did_you_mean

MAX_NAMED = 12


def near(selector: Selector, steps: Sequence[Occurrence]) -> tuple[str, str | None]:
    """What is wrong with a selector that means none of these steps, and what it may have meant."""
    match selector:
        case At():
            return _path(selector.pattern, steps)
        case Has():
            return _attribute(selector, steps)
        case Both():
            for one in (selector.left, selector.right):
                if not one.of(steps):
                    return near(one, steps)
            if isinstance(selector.right, Has):
                what, help = near(selector.right, [steps[index] for index in sorted(selector.left.of(steps))])
                return f"{what} among `{selector.left}`", help
            return f"no step is both `{selector.left}` and `{selector.right}`", None
        case Either():
            (what, help), (other, more) = near(selector.left, steps), near(selector.right, steps)
            return f"{what}, and {other}", help or more
        case Inside():
            if not selector.outer.of(steps):
                return near(selector.outer, steps)
            return f"nothing stands inside of `{selector.outer}`", None
        case Not():
            return f"`{selector.inner}` means every step, so `{selector}` means none", None
    return "nothing is selected", None


def absent(selector: Selector, steps: Sequence[Occurrence]) -> At | None:
    """A name in what a selector leaves out that is no layer's or function's and that nothing here has: it leaves out nothing."""
    for one in left_out(selector):
        if not (one.of(steps) or Inside(one).of(steps)) and (one.quoted or builtin(one.pattern) is None):
            return one
    return None


def _path(pattern: str, steps: Sequence[Occurrence]) -> tuple[str, str | None]:
    words = {step.word for step in steps}
    segments = segments_of(pattern)
    if len(segments) == 1:
        labels = {path[0] for step in steps for path in step.names}
        inner = {path[-1] for step in steps for path in step.names if len(path) > 1}
        if pattern in inner:
            return f"`{pattern}` is no word and no label at the top", f"deeper there is one: `**.{pattern}`"
        if any(step.block == pattern for step in steps):
            return f"no step is called `{pattern}`", f"the steps in its text: `block={pattern}`"
        named = sorted(one for one in labels | words if not one.isdigit())
        help = did_you_mean(pattern, named) or f"it has {_some(named)}"
        return f"nothing is called `{pattern}`", help
    paths = {path[:end] for step in steps for path in step.names for end in range(len(path) + 1)}
    known: set[Path] = {()}
    for index, segment in enumerate(segments):
        if segment == "**":
            ends = {path[-1] for path in paths if path}
            last = segments[-1]
            return f"no label path fits `{pattern}`", did_you_mean(last, ends) or f"labels are {_some(sorted(ends))}"
        deeper = {path for path in paths if path and path[:-1] in known}
        fitting = {path for path in deeper if fnmatchcase(path[-1], segment)}
        if not fitting:
            here = ".".join(segments[:index])
            names = sorted({path[-1] for path in deeper})
            what = f"no label fits `{segment}`" + (f" in `{here}`" if here else " at the top")
            if not names:
                return f"{what}: it has no labels below", None
            close = get_close_matches(segment, names, 1)
            return (
                what,
                f"did you mean `{'.'.join([*segments[:index], close[0], *segments[index + 1 :]])}`?"
                if close
                else f"there are {_some(names)}",
            )
        known = fitting
    return f"`{pattern}` is a container, no step", f"what is in it: `{pattern}.**`"


def _attribute(selector: Has, steps: Sequence[Occurrence]) -> tuple[str, str | None]:
    name = selector.name
    if name in OWN:
        values: set[str] = set()
        for step in steps:
            if name == "dim":
                values.update(str(size) for type in (*step.takes, *step.gives) for size in type.shape)
            else:
                values.add(str(len(step.container) + 1 if name == "depth" else getattr(step, name)))
        help = did_you_mean(str(selector.value), values) or f"there are {_some(sorted(values))}"
        return f"no step has `{selector}`", help
    met = [step for step in steps if name in step.attributes]
    if not met:
        names = {one for step in steps for one in step.attributes}
        return f"no step has an attribute `{name}`", did_you_mean(name, [*names, *OWN])
    there = sorted({told(plain(step.attributes[name])) for step in met})
    return f"no step has `{selector}`", f"`{name}` is {_some(there)}"


def _some(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return ", ".join(f"`{one}`" for one in found[:MAX_NAMED]) + more
