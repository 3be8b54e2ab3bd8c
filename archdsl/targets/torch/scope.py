"""What a printed function knows of sizes: constructor arguments, stored numbers, and the shapes of tensors at hand."""

from __future__ import annotations

import re

from archdsl.dims.dim import Dim, symbol
from archdsl.targets.torch.classes import Argument, Plan
from archdsl.targets.torch.explain import Vector, explain
from archdsl.targets.torch.names import public_name, safe_name
from archdsl.targets.torch.tape import Surroundings, Tape


class Unexplained(Exception):
    """No tensor and no configuration tells a size that the code needs."""

    def __init__(self, size: object) -> None:
        super().__init__(f"no input and no configuration tells the size {size}")
        self.size = size


class Numbers:
    """The configuration of one class as the constructor and `forward` say it; arguments come to be as they are asked for."""

    def __init__(self, plan: Plan, taken: set[str]) -> None:
        self.plan = plan
        self.taken = taken
        """Attributes of the class that stored numbers must not hide."""
        self.asked: list[Argument] = []
        """The arguments in the order in which constructors asked for them."""

    def static(self, values: Vector, hint: str, *, stored: bool) -> str:
        """The expression for numbers that are known at construction, `self.…` where it is for `forward`."""
        return self.static_told(values, hint, stored=stored)[0]

    def static_told(self, values: Vector, hint: str, *, stored: bool) -> tuple[str, int]:
        known = dict(self.plan.known)
        known.update({name: one.values for name, one in self.plan.arguments.items()})
        told = explain(values, known)
        if told is None:
            name, count = hint, 1
            while name in known:
                count += 1
                name = f"{hint}_{count}"
            self.plan.known[name] = values
            return self.argument(name, values, stored), 2
        text, used = told
        for name in used:
            new = self.argument(name, known[name], stored)
            if len(used) == 1 and text.text == name:
                return new, 2
        spelled = {name: self.argument(name, known[name], stored) for name in used}
        return re.sub(r"[A-Za-z_]\w*", lambda found: spelled.get(found[0], found[0]), text.text), text.tight

    def argument(self, name: str, values: Vector, stored: bool) -> str:
        """The constructor argument of this name, or the attribute that keeps it."""
        one = self.plan.arguments.setdefault(name, Argument(public_name(name), values))
        if not stored:
            self.asked.append(one)
            return one.name
        one.stored = True
        return f"self.{self.attribute(one)}"

    def attribute(self, one: Argument) -> str:
        """The attribute that keeps a constructor argument."""
        return safe_name(one.name if one.name not in self.taken else f"{one.name}_size", self.taken)

    def is_static(self, values: Vector) -> bool:
        """Whether the values are known when the module is constructed."""
        return all(not isinstance(one, Dim) or all(self.is_free(name) for name in one.symbols) for one in values)

    def is_free(self, name: str) -> bool:
        """Whether a symbol is configuration that stays open."""
        return name in self.plan.free


def constructor_tape(numbers: Numbers, helpers: dict[str, None], hint: str) -> Tape:
    """A tape for a module's constructor."""

    def size(dim: Dim) -> str | None:
        values = numbers.plan.holes.sizes(dim)
        if not numbers.is_static(values):
            raise Unexplained(dim)
        return numbers.static(values, hint_of(numbers, dim, hint), stored=False)

    def name(one: str) -> str:
        values = numbers.plan.holes.values.get(one)
        return numbers.static(values, numbers.plan.holes.hints[one], stored=False) if values else one

    return Tape((), (), Surroundings(symbol=name, size=size, helpers=helpers))


def hint_of(numbers: Numbers, dim: Dim, hint: str) -> str:
    """What to call an argument for this size."""
    holes = numbers.plan.holes
    found = [holes.hints[name] for name in dim.symbols if name in holes.hints]
    return found[0] if found and dim == symbol(next(iter(dim.symbols))) else hint
