"""`archdsl solve`: configuration with which a count comes out as wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from archdsl.cli import options
from archdsl.cli.literals import parse_value
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import show_json

if TYPE_CHECKING:
    from archdsl.designing.solving import Free


@click.command("solve")
@options.one_target
@click.option(
    "--free", "free", metavar="NAME[=LOW..HIGH[:STEP]]", multiple=True, required=True,
    help="A configuration parameter to solve for. Of several, all but the last need a range.",
)  # fmt: skip
@click.option(
    "--such-that", "condition", metavar="CONDITION", required=True,
    help='A count as in `expect`, ==, <= or >=, and a number or `like`: "params == 25e6".',
)  # fmt: skip
@click.option("--like", metavar="FILE[:ARCH]", default=None, help="The architecture whose count `like` is.")
@options.config
@options.include
@options.as_json
def command(
    target: str, free: tuple[str, ...], condition: str, like: str | None, config: Mapping[str, object],
    include: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Find the configuration with which a count comes out as wanted.

    The answer is the nearest for ==, the largest count for <=, the smallest for >=. LOW and HIGH are tried too; a STEP may be a
    fraction. Values with which the program has an error are left out. Exit code 1: there is none.

    \b
    Examples:
      archdsl solve specs/gpt2.arch:GPT2 --free width --such-that "params == 25e6"
      archdsl solve net.arch --free depth=2..8 --free width=64..1024:64 --such-that "macs(N=1) <= 1e9"
      archdsl solve specs/vit.arch:ViTB16 --free width --such-that "params == like" --like specs/resnet.arch:ResNet50
      archdsl solve vit.arch --free width --such-that "macs(N=1) <= like(N=1, H=224, W=224)" --like resnet.arch:ResNet50
    """
    from archdsl.designing.solving import NoSolution, solve

    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)

    def other() -> Any:
        wanted = next(targets([str(like)]))
        found = open_spec(wanted, include)
        return found.graph(choose(found, wanted))

    try:
        solution = solve(
            spec, name, [_free(text) for text in free], condition, like=None if like is None else other, config=dict(config)
        )
    except NoSolution as fault:
        click.echo(f"{fault}", err=True)
        return 1
    except ValueError as fault:
        raise click.UsageError(str(fault)) from None
    if as_json:
        show_json("solve", {
            "config": dict(solution.config), "counted": solution.counted, "count": solution.count, "wanted": solution.wanted,
            "error": solution.error, "tried": solution.tried,
        })  # fmt: skip
    else:
        click.echo(str(solution))
    return 0


def _free(text: str) -> Free:
    """`width`, `width=64..1024` or `width=64..1024:64`. Raises `click.BadParameter`."""
    from archdsl.designing.solving import Free

    name, equals, range_ = text.partition("=")
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()) is None:
        raise click.BadParameter(f"`{text}` is not NAME or NAME=LOW..HIGH:STEP", param_hint="--free")
    if not equals:
        return Free(name.strip())
    ends, _, step = range_.partition(":")
    low, dots, high = ends.partition("..")
    try:
        values = [parse_value(one) for one in (low, high, step or "1")]
    except ValueError as fault:
        raise click.BadParameter(f"{name}: {fault}", param_hint="--free") from None
    numbers = [one for one in values if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if not dots or len(numbers) < 3:
        raise click.BadParameter(f"`{text}` is not NAME or NAME=LOW..HIGH:STEP", param_hint="--free")
    return Free(name.strip(), *numbers)
