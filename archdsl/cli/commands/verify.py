"""`archdsl verify`: proof that all products of an architecture compute the same."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import show_json


@click.command("verify")
@options.one_target
@options.config
@options.bind
@options.include
@click.option("--compile", "compiled", is_flag=True, help="Also torch.compile(fullgraph=True); takes a while.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the random parameters and inputs."
)
@options.as_json
def command(
    target: str,
    config: Mapping[str, object],
    bind: Mapping[str, int],
    include: tuple[str, ...],
    compiled: bool,
    seed: int,
    as_json: bool,
) -> int:
    """Prove that PyTorch and ONNX compute the same.

    Live module, generated source and ONNX Runtime must agree, forward and in the gradients.

    Parameters and running statistics are random; every symbolic dimension is tried at 1, a prime and a larger size, unless --bind
    fixes it.
    """
    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    proof = spec.verify(name, compile=compiled, seed=seed, bind=dict(bind), **config)
    if as_json:
        show_json("verify", proof.as_json())
    else:
        click.echo(str(proof).rstrip("\n"))
    return 0 if proof.ok else 1
