"""`archdsl apply`: edits of a design, brought back into its text."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.cli import options
from archdsl.cli.reading import STANDARD_INPUT, choose, open_spec, targets
from archdsl.cli.showing import difference, say, show_json
from archdsl.problems.collector import Problems

if TYPE_CHECKING:
    from archdsl.designing.patching import Patch, Wanted


@click.command("apply")
@options.one_target
@click.argument("edits", metavar="EDIT", nargs=-1, required=True)
@click.option("--in-place", is_flag=True, help="Write the file; without it the change is printed and nothing written.")
@click.option("-o", "--output", metavar="FILE", default=None, help="Write the edited architecture there, as canonical text.")
@options.config
@options.include
@options.as_json
def command(
    target: str, edits: tuple[str, ...], in_place: bool, output: str | None, config: Mapping[str, object],
    include: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Edit a design, and show the change in its text.

    An EDIT is written as in a variant: `replace S with …`, `insert after S { … }`, `insert before S { … }`, `wrap S with skip`,
    `unwrap S`, `remove S`, `set name=value for S`; several with `;` between. S says which steps are meant: `relu`,
    `layer1.*.conv?`, `Conv2d(groups=1) in Bottleneck`. The change keeps comments and layout, and is proved: the new text is read
    again, and is the edited design. Where only some instances of a block are edited no change of these lines says so: the edited
    architecture is printed as canonical text of its own, or written with -o; --in-place refuses.

    \b
    Examples:
      archdsl apply specs/resnet.arch:ResNet50 'replace relu with gelu'
      archdsl apply net.arch:Net 'insert after fc1 { Dropout(0.1) }; set bias=false for Linear' --in-place
    """
    from archdsl.designing.patching import NoPatch, patched
    from archdsl.designing.reloading import reloader

    one = next(targets([target]))
    if in_place and (one.path == STANDARD_INPUT or output is not None):
        raise click.UsageError("--in-place writes the file that is read: give a file, and no -o")
    spec = open_spec(one, include)
    name = choose(spec, one)
    wanted = _wanted(edits)
    path = None if one.path == STANDARD_INPUT else Path(one.path)
    reload = reloader(spec, path, [Path(folder) for folder in include])
    try:
        if output is None:
            return _patch(path, name, spec, patched(spec, name, wanted, reload, config), in_place, as_json)
        why = None
    except NoPatch as reason:
        why = str(reason)
    return _canonical(spec, name, wanted, config, why, in_place, output, as_json)


def _wanted(edits: tuple[str, ...]) -> list[Wanted]:
    """The edits that the command line gives. Raises `ArchError`, and `click.UsageError` for one that is none of a text."""
    from archdsl.designing.patching import Wanted
    from archdsl.elaborate.editing.reading import read_selector
    from archdsl.elaborate.editing.variants import CHANGES
    from archdsl.syntax.edits import read_edits

    found = []
    for text in edits:
        problems = Problems()
        read = read_edits(text, problems)
        problems.raise_errors()
        for edit in read:
            if edit.selector is None:
                raise click.UsageError(
                    "`set` without `for` is configuration: give it as -D name=value, or write it in the header"
                )
            found.append(Wanted(read_selector(edit.selector.span), edit.selector.span, CHANGES[edit.word](edit.value)))
    if not found:
        raise click.UsageError("there is no edit: archdsl apply net.arch:Net 'replace relu with gelu'")
    return found


def _patch(path: Path | None, name: str, spec: Any, patch: Patch, in_place: bool, as_json: bool) -> int:
    """Show or write a patch."""
    from archdsl.files.reading import read_source

    own = spec.text.name
    before = {one: spec.text.text if one == own else read_source(Path(one)).text for one in patch.texts}
    if in_place and path is not None:
        from archdsl.files.writing import write_all

        write_all({path if one == own else Path(one): text.encode() for one, text in patch.texts.items()})
    if as_json:
        show_json("apply", {
            "arch": name, "files": dict(patch.texts), "written": in_place, "also": list(patch.others),
            "broken": list(patch.broken), "unmet": [str(one.at) for one in patch.unmet], "reason": None,
        })  # fmt: skip
    elif in_place:
        say("\n".join(f"{one} is changed" for one in patch.texts))
    else:
        sys.stdout.write("".join(difference(one, before[one], text) for one, text in patch.texts.items()))
    elsewhere = tuple(one for one in patch.texts if one != own)
    if elsewhere:
        say(f"note: all files that use {_listed(elsewhere)} change too")
    for one in patch.unmet:
        say(f"note: it expects of itself what it is no longer: {one.message()} ({one.at})")
    if patch.others:
        say(f"note: the same lines make {_listed(patch.others)}, so they change too")
    if patch.broken:
        say(f"note: {_listed(patch.broken)} cannot be elaborated any more: archdsl check {spec.text.name}")
    return 0


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _canonical(
    spec: Any, name: str, wanted: list[Wanted], config: Mapping[str, object], why: str | None, in_place: bool,
    output: str | None, as_json: bool,
) -> int:  # fmt: skip
    """The edited architecture as a text of its own, where the author's lines cannot say it."""
    from archdsl.designing.patching import edited
    from archdsl.targets.arch.fault import Unsayable
    from archdsl.targets.arch.source import print_arch

    if in_place:
        say(f"{spec.text.name} is not changed: {why}")
        say("write the edited architecture with -o FILE, or the edits as a `variant` of it")
        return 1
    try:
        text = print_arch(edited(spec, name, wanted, config))
    except Unsayable as reason:
        say(f"the edited architecture has no text: {reason}")
        return 1
    if output is not None:
        from archdsl.files.writing import write_whole

        write_whole(output, text.encode())
    if as_json:
        show_json("apply", {
            "arch": name, "files": {output or "-": text}, "written": output is not None, "also": [], "broken": [], "unmet": [],
            "reason": why,
        })  # fmt: skip
    elif output is None:
        sys.stdout.write(text)
    if why is not None:
        say(f"note: no patch of {spec.text.name}: {why}")
    return 0
