"""`archdsl weights`: look into files of weights, and bring them into another layout or an edited architecture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.cli import options
from archdsl.cli.literals import configuration
from archdsl.cli.reading import STANDARD_INPUT, Target, choose, open_spec, split_target, targets
from archdsl.cli.showing import say, show_json

if TYPE_CHECKING:
    from archdsl.files.tensors import Held
    from archdsl.weights.own import Own


@click.group("weights")
def command() -> None:
    """Look into files of weights, convert them, carry them across edits.

    Weights are safetensors files, or the index of several (model.safetensors.index.json). Where another library has the same
    network under other names, a map beside the spec (specs/maps/timm_vit.toml) says which tensor is which.
    """


@command.command("convert")
@options.one_target
@click.argument("file", metavar="WEIGHTS")
@click.option("--map", "map_", metavar="MAP", help="The map: a .toml file, or the name of one in `maps` beside the spec.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write.")
@click.option("--reverse", is_flag=True, help="From the spec's layout into the map's.")
@options.config
@options.include
@options.as_json
def convert(
    target: str, file: str, map_: str | None, output: str, reverse: bool, config: Mapping[str, object], include: tuple[str, ...],
    as_json: bool,
) -> int:  # fmt: skip
    """Bring weights from another library's layout into the spec's.

    Every tensor of the file goes to its place, or is left out by name and with a reason; every tensor of the architecture is
    filled once, in its own shape. No number changes. Without --map, the map beside the spec that fits is taken. Nothing is
    written where anything does not fit.

    \b
    Examples:
      archdsl weights convert specs/vit.arch:ViTB16 timm.safetensors --map timm_vit -o vit.safetensors
      archdsl weights convert specs/vit.arch:ViTB16 vit.safetensors --map timm_vit --reverse -o timm.safetensors
    """
    from archdsl.files.shards import read_weights
    from archdsl.files.tensors import tensor_chunks
    from archdsl.files.writing import write_whole
    from archdsl.weights.converting import convert
    from archdsl.weights.reading import read_map

    given = read_weights(file)
    own = _own(target, include, config)
    path = _find_map(target, map_, own, given, reverse)
    made = convert(read_map(path), own, given, file, reverse)
    write_whole(output, tensor_chunks(made.tensors))
    if as_json:
        show_json("weights convert", {"map": str(path), "tensors": len(made.tensors), "notes": list(made.notes)})
        return 0
    for note in made.notes:
        say(note)
    say(f"{len(given)} tensors of {file} are {len(made.tensors)} of {output}, by {path}{' backwards' if reverse else ''}")
    return 0


@command.command("inspect")
@click.argument("file", metavar="WEIGHTS")
@click.option("--spec", "target", metavar="FILE[:ARCH]", help="Compare with this architecture.")
@options.config
@options.include
@options.as_json
def inspect(file: str, target: str | None, config: Mapping[str, object], include: tuple[str, ...], as_json: bool) -> int:
    """Show the tensors of a file: names, types, shapes, bytes.

    With --spec, tell what fits the architecture, what is missing, what is too much or of another shape, and which layout the file
    looks like. Exits with 1 where the file cannot be loaded as it is.

    \b
    Examples:
      archdsl weights inspect model.safetensors
      archdsl weights inspect model.safetensors --spec specs/vit.arch:ViTB16
    """
    from archdsl.cli.tensors import comparison, table
    from archdsl.files.shards import read_weights
    from archdsl.weights.layouts import compare, layouts, maps_for

    given = read_weights(file)
    if target is None:
        if as_json:
            show_json("weights inspect", _listed(given))
        else:
            click.echo(table(given))
        return 0
    own = _own(target, include, config)
    found = compare(own, given)
    near = [] if found.fits else layouts(maps_for(Path(split_target(target)[0])), own, given)
    if as_json:
        names: dict[str, Any] = {"tensors": _listed(given), "fits": found.fits, "equal": list(found.equal)}
        names |= {"misshapen": list(found.misshapen), "missing": list(found.missing), "extra": list(found.extra)}
        maps = [{"map": str(one.path), "taken": one.taken, "fits": one.fits} for one in near]
        show_json("weights inspect", names | {"layouts": maps})
    else:
        words = " ".join([target, *(f"-D {name}={value}" for name, value in _spelt(config))])
        click.echo(comparison(own, given, found, near, words, file))
    return 0 if found.fits else 1


@command.command("migrate")
@click.argument("before", metavar="OLD[:ARCH]")
@click.argument("after", metavar="NEW[:ARCH]|:ARCH")
@click.argument("file", metavar="WEIGHTS")
@click.option("-o", "--output", metavar="FILE", default=None, help="The file to write; without it, only tell.")
@click.option("--rename", metavar="OLD=NEW", multiple=True, help="Another name: 'enc.{i}.*=encoder.{i}.*'. May be repeated.")
@click.option("--same-function", is_flag=True, help="What is wider or new must compute the same (Net2Net), or it is refused.")
@click.option("--seed", type=int, default=0, show_default=True, help="Where the first values of new numbers come from.")
@options.config
@click.option(
    "--new", "changed", metavar="NAME=VALUE", multiple=True, callback=configuration, help="Configuration of the new one alone."
)
@options.include
@options.as_json
def migrate(
    before: str, after: str, file: str, output: str | None, rename: tuple[str, ...], same_function: bool, seed: int,
    config: Mapping[str, object], changed: Mapping[str, object], include: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Bring weights of an architecture into an edited one.

    Tensors are found again by structure, so that a step put between others moves no weights: kept where the shape is the same,
    resized where it is another (what overlaps is copied, the rest is fresh), new, or dropped; the report says which. `:ARCH` is
    another architecture of the old file, NEW may also be the old file, with other configuration (--new).

    With --same-function the new network computes what the old one did: wider axes repeat the places that were, what sums over
    them shares its weights out, new layers begin as identities or as zero branches of skips. Where that cannot be, it says why.

    \b
    Examples:
      archdsl weights migrate old.arch new.arch old.safetensors -o new.safetensors
      archdsl weights migrate specs/resnet.arch:ResNet50 :ResNet101 resnet50.safetensors -o start.safetensors
      archdsl weights migrate net.arch net.arch net.safetensors --new depth=8 --same-function -o deeper.safetensors
    """
    from archdsl.files.shards import read_weights
    from archdsl.files.tensors import tensor_chunks
    from archdsl.files.writing import write_whole
    from archdsl.weights.growing.grow import grow
    from archdsl.weights.migrating import migrate
    from archdsl.weights.tensors import from_file, to_file

    if same_function and rename:
        raise click.UsageError("--same-function finds every tensor by what is computed; --rename goes without it")
    one = next(targets([before]))
    other = next(targets([f"{one.path}{after}" if after.startswith(":") else after]))
    specs: list[Any] = [open_spec(each, include) for each in (one, other)]
    old = specs[0].graph(choose(specs[0], one), **config)
    new = specs[1].graph(choose(specs[1], other), **{**config, **changed})
    state = from_file(read_weights(file), file)
    made = grow(old, new, state, seed=seed) if same_function else migrate(old, new, state, rename=rename, seed=seed)
    if output is not None:
        write_whole(output, tensor_chunks(to_file(made.state)))
    if as_json:
        show_json("weights migrate", made.as_json())
    else:
        click.echo(str(made))
    return 0


def _own(target: str, include: tuple[str, ...], config: Mapping[str, object]) -> Own:
    """The tensors of the architecture. Raises `ArchError`."""
    from archdsl.weights.own import own_tensors

    path, name = split_target(target)
    one = Target(path, name)
    spec: Any = open_spec(one, include)
    chosen = choose(spec, one)
    graph = spec.graph(chosen, **config)

    def buffers() -> dict[str, Any]:
        return {key: tensor.numpy() for key, tensor in spec.build(chosen, **config).named_buffers(remove_duplicate=False)}

    return own_tensors(spec.build(chosen, device="meta", **config), chosen, dict(graph.config), buffers)


def _find_map(target: str, given: str | None, own: Own, weights: Mapping[str, Held], reverse: bool) -> Path:
    """The map that is meant: a file, a name beside the spec, or the one that fits. Raises `click.UsageError`."""
    from archdsl.problems.suggest import did_you_mean
    from archdsl.weights.layouts import FOLDER, layouts, maps_for

    spec = split_target(target)[0]
    beside = Path(spec).parent / FOLDER
    if given is not None:
        named = beside / f"{given}.toml"
        if Path(given).exists() or not named.exists() and (given.endswith(".toml") or "/" in given):
            return Path(given)
        if named.exists():
            return named
        hint = did_you_mean(given, [one.stem for one in beside.glob("*.toml")]) or "give the path of a .toml file"
        raise click.UsageError(f"there is no map `{given}` in {beside}; {hint}")
    if reverse:
        raise click.UsageError("--reverse needs --map: which layout is it to be?")
    fitting = [] if spec == STANDARD_INPUT else [one for one in layouts(maps_for(Path(spec)), own, weights) if one.fits]
    if len(fitting) != 1:
        told = f"several maps fit: {', '.join(one.path.stem for one in fitting)}" if fitting else f"no map in {beside} fits"
        raise click.UsageError(f"{told}; choose one by --map")
    return fitting[0].path


def _spelt(config: Mapping[str, object]) -> list[tuple[str, str]]:
    """Configuration as it is given: `true` and `none` are words of the language."""
    from json import dumps

    words = {True: "true", False: "false", None: "none"}
    return [
        (name, words[value] if value is None or isinstance(value, bool) else value if isinstance(value, str) else dumps(value))
        for name, value in config.items()
    ]


def _listed(given: Mapping[str, Held]) -> list[dict[str, Any]]:
    return [{"name": name, "dtype": one.dtype, "shape": list(one.shape), "bytes": one.data.nbytes} for name, one in given.items()]
