"""First values other than PyTorch's: one loop over the modules of a class where all of them share it, else a line a tensor."""

from __future__ import annotations

from typing import Any

from archdsl.ir.graph import Call, Graph, Initializer, Layer
from archdsl.ir.node import Path
from archdsl.targets.torch.classes import Plan, instances
from archdsl.targets.torch.literals import quote
from archdsl.targets.torch.members import is_attribute
from archdsl.targets.torch.tape import Tape


def init_call(init: Initializer, tensor: str) -> str:
    """`nn.init.normal_(self.weight, std=0.02)`."""
    tape = Tape()
    args = dict(init.args)
    if init.name in ("full", "constant"):
        return f"nn.init.constant_({tensor}, {tape.plain(args.get('value', args.get('val', 0.0)))})"
    said = "".join(f", {name}={tape.plain(value)}" for name, value in args.items())
    return f"nn.init.{init.name}_({tensor}{said})"


class Initial:
    """Which initializers one loop at the top can apply, and what is left to the classes."""

    def __init__(self, graph: Graph) -> None:
        layers: dict[str, list[Layer]] = {}
        for layer in every_layer(graph):
            kind = constructor_name(layer)
            layers.setdefault(kind, []).append(layer)
        nested = any("." in leaf for ones in layers.values() for one in ones for leaf in one.op.parameters())
        self.shared: dict[str, dict[str, Initializer]] = {}
        self.optional: set[tuple[str, str]] = set()
        for kind, ones in layers.items():
            leaves: dict[str, set[Any]] = {}
            for one in ones:
                inits = dict(one.inits)
                for leaf in one.op.parameters():
                    leaves.setdefault(leaf, set()).add(_key(inits.get(leaf)))
            same = all(len(values) == 1 for values in leaves.values())
            some = {leaf: init for one in ones for leaf, init in one.inits}
            if nested or not same or not some or not all(is_attribute(leaf) for leaf in leaves):
                continue
            self.shared[kind] = some
            self.optional.update((kind, leaf) for leaf in some for one in ones if leaf not in one.op.parameters())

    def lines(self) -> list[str]:
        """The loop of the arch's class."""
        bodies: dict[tuple[str, ...], list[str]] = {}
        for kind, inits in self.shared.items():
            body = []
            for leaf, init in inits.items():
                pad = "        "
                if (kind, leaf) in self.optional or (leaf == "bias" and kind.startswith("nn.Conv")):
                    body.append(f"{pad}if module.{leaf} is not None:")
                    pad += "    "
                body.append(pad + init_call(init, f"module.{leaf}"))
            bodies.setdefault(tuple(body), []).append(kind)
        out: list[str] = []
        for body_lines, kinds in bodies.items():
            said = kinds[0] if len(kinds) == 1 else " | ".join(kinds)
            out += [f"    {'el' if out else ''}if isinstance(module, {said}):", *body_lines]
        return ["for module in self.modules():", *out] if out else []

    def of_class(self, plan: Plan) -> list[str]:
        """What the constructor of one class does at its end."""
        out: list[str] = []
        _of_graph(self, plan.joined, (), out)
        return out


def _of_graph(initial: Initial, graph: Graph, prefix: Path, out: list[str]) -> None:
    for path, member in graph.members.items():
        if isinstance(member, Layer) and constructor_name(member) not in initial.shared:
            for leaf, init in member.inits:
                out.append(init_call(init, tensor_code((*prefix, *path, *leaf.split(".")))))
        elif isinstance(member, Call) and member.graph.kind == "chain":
            _of_graph(initial, member.graph, (*prefix, *path), out)


def tensor_code(path: Path) -> str:
    """A tensor of the class itself, with its exact type."""
    if len(path) <= 2 and all(is_attribute(label) for label in path):
        return f"self.{'.'.join(path)}"
    return f"self.get_parameter({quote('.'.join(path))})"


def every_layer(graph: Graph) -> list[Layer]:
    """The layers of the program, those of each specialisation once."""
    found: list[Layer] = []

    def walk(one: Graph) -> None:
        for member in one.members.values():
            if isinstance(member, Layer):
                found.append(member)
            elif isinstance(member, Call) and member.graph.kind == "chain":
                walk(member.graph)

    for one in instances(graph):
        walk(one)
    return found


def constructor_name(layer: Layer) -> str:
    """`nn.Conv2d`: what the layer is made by."""
    tape = Tape()
    tape.around.symbol = lambda name: "hole"
    return str(layer.op.module(tape)).split("(")[0]


def _key(init: Initializer | None) -> object:
    return None if init is None else (init.name, init.args)
