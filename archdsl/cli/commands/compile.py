"""`archdsl compile`: an architecture as PyTorch source, ONNX, diagram and table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import say, show_json

if TYPE_CHECKING:
    from archdsl.files.writing import Data


@click.command("compile")
@options.one_target
@options.config
@options.include
@click.option("-o", "--output", default="build", show_default=True, metavar="FOLDER", help="Where FOLDER/ARCH/ is written.")
@click.option(
    "--to",
    default=None,
    metavar="PRODUCT,…",
    help="What to make, of torch, onnx, summary, arch, svg, png, pdf, dot, mermaid.  [default: torch,onnx,svg,summary]",
)
@options.weights
@options.given
@options.float_type
@options.scan
@click.option("--pass", "passes", multiple=True, metavar="PASS", help="Rewrite the graph by a pass; several go in order.")
@click.option("--why", is_flag=True, help="Tell what the passes found and left as it is, and why.")
@click.option("--step", is_flag=True, help="The module of one step of a recurrent model, for generation: step.py, step.onnx.")
@click.option(
    "--over", default=None, metavar="LENGTH", help="The length of the axis that is stepped along, where there are several."
)
@options.as_json
def command(
    target: str,
    config: Mapping[str, object],
    include: tuple[str, ...],
    output: str,
    to: str | None,
    weights: str | None,
    given: tuple[str, ...],
    dtype: str | None,
    scan: str,
    passes: tuple[str, ...],
    why: bool,
    step: bool,
    over: str | None,
    as_json: bool,
) -> int:
    """Compile to PyTorch source, ONNX, diagram and table.

    Writes model.py, model.onnx, diagram.svg and summary.txt into FOLDER/ARCH/: all or none of them. Without --weights the
    parameters of the ONNX model are drawn at random; beyond 2 GiB they lie in a file beside it.

    With --step it writes the module of one step: step.py, step.onnx, which takes what the step before carried, and
    first_step.onnx, which takes no carries.

    Weights have the keys of the architecture as it is written; passes carry them.

    \b
    Examples:
      archdsl compile specs/resnet.arch:ResNet50 -o build
      archdsl compile net.arch --to torch
      archdsl compile lstm.arch --step
      archdsl compile specs/resnet.arch:ResNet50 --pass fold-batchnorm --to onnx --weights resnet50.safetensors
      archdsl compile net.arch --pass common-values --pass dead-values --why
      archdsl compile specs/resnet.arch:ResNet50 --to onnx --weights resnet50.safetensors
    """
    from archdsl.cli.products import PRODUCTS, STEP, Order
    from archdsl.files.writing import write_all

    words = _products(to, step)
    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    extra: dict[str, Any] = {}
    if passes:
        from archdsl.cli.passed import passes_of

        extra["passes"] = passes_of(passes)
    if given:
        extra["given"] = given
    if dtype is not None:
        extra["dtype"] = dtype
    if scan != "auto":
        extra["scan"] = scan
    if over is not None:
        extra["over"] = over
    order = Order(spec, name, config, weights, extra)
    folder = Path(output) / name
    if step:
        wanted = {f"{word} {file}": (file, make) for word in words for file, make in STEP[word].items()}
    else:
        wanted = {word: PRODUCTS[word] for word in words}
    files: dict[Path, Data] = {}
    said: dict[str, str] = {}
    for word, (file, make) in wanted.items():
        made = make(order)
        for path, data in (made if isinstance(made, Mapping) else {Path(file): made}).items():
            files[folder / path] = data
            said[word if path.name == file else f"{word} weights"] = (folder / path).as_posix()
    write_all(files)
    if why and passes:
        from archdsl.cli.passed import reasons

        for reason in reasons(spec, name, extra["passes"], extra, config):
            say(reason)
    if as_json:
        show_json("compile", {"arch": name, "files": said})
    else:
        for path in files:
            say(f"wrote {path.as_posix()} ({path.stat().st_size:,} bytes)")
    return 0


def _products(to: str | None, step: bool) -> list[str]:
    """The words of `--to`, each once. Raises `click.BadParameter` for an unknown one, and for one that a step has not."""
    from archdsl.cli.products import PRODUCTS, STEP, USUAL
    from archdsl.problems.suggest import did_you_mean

    words = [word.strip() for word in to.split(",") if word.strip()] if to is not None else list(STEP if step else USUAL)
    for word in words:
        if word not in PRODUCTS:
            hint = did_you_mean(word, PRODUCTS) or "there are " + ", ".join(sorted(PRODUCTS))
            raise click.BadParameter(f"cannot compile to `{word}`; {hint}", param_hint="--to")
        if step and word not in STEP:
            raise click.BadParameter(f"`--step` makes {' and '.join(STEP)}, not `{word}`", param_hint="--to")
    if not words:
        raise click.BadParameter("names nothing", param_hint="--to")
    return list(dict.fromkeys(words))
