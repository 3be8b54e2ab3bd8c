"""`archdsl verify`: proof that all products of an architecture compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import show_json


@click.command("verify")
@options.one_target
@options.config
@options.bind
@options.include
@click.option("--compile", "compiled", is_flag=True, help="Also compare torch.compile(fullgraph=True); takes a while.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Seed of the random parameters and inputs."
)
@options.scan
@options.as_json
def command(
    target: str,
    config: Mapping[str, Any],
    bind: Mapping[str, int],
    include: tuple[str, ...],
    compiled: bool,
    seed: int,
    scan: str,
    as_json: bool,
) -> int:
    """Run PyTorch and ONNX, and compare what they compute.

    Live module, generated source and ONNX Runtime must agree with PyTorch in float64, forward and in the gradients, as closely as
    float32 allows. Parameters and running statistics are random; every symbolic size is tried at 1, at a prime and larger, unless
    --bind fixes it. Exits with 1 where they differ.

    \b
    Examples:
      archdsl verify specs/lenet.arch:LeNet5
      archdsl verify specs/resnet.arch:ResNet50 --bind N=1 --bind H=64,W=64
    """
    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    form: dict[str, Any] = {} if scan == "auto" else {"scan": scan}
    proof = spec.verify(name, compile=compiled, seed=seed, bind=dict(bind), **form, **config)
    if as_json:
        show_json("verify", proof.as_json())
    else:
        click.echo(str(proof).rstrip("\n"))
    return 0 if proof.ok else 1
