"""Random programs with optional inputs: conditions in each other, names that are bound again, blocks called in many ways."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from archdsl.problems.problem import ArchError
from tests.targets.torch.test_optional_inputs import agree_in_every_way, spec


class Writer:
    """Writes one program. All tensors are `[B, 8]`; `given` are the optional inputs that are known to be there."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.count = 0

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def expression(self, names: list[str], optional: list[str], given: list[str], depth: int = 0) -> str:
        one, two = (self.draw.choice(names + given) for _ in "ab")
        kinds = [f"({one} {self.draw.choice('+-*')} {two})", f"tanh({one})", f"({one} * 2)", one]
        kinds.append(f"({one} -> {self.fresh('fc')}: Linear(8))")
        if optional and depth < 2 and self.draw.random() < 0.4:
            asked = self.draw.choice(optional)
            rest = [name for name in optional if name != asked]
            there = self.expression(names, rest, [*given, asked], depth + 1)
            return f"({there} if {asked} != none else {self.expression(names, rest, given, depth + 1)})"
        return self.draw.choice(kinds)

    def argument(self, names: list[str], optional: list[str]) -> str:
        asked = self.draw.choice(optional)
        other = self.draw.choice(names + optional)
        return self.draw.choice([asked, asked, other, "none", f"({asked} if {asked} != none else {other})"])

    def condition(self, names: list[str], optional: list[str], given: list[str], blocks: list[str], depth: int) -> str:
        asked = self.draw.choice(optional)
        rest = [name for name in optional if name != asked]
        sense = self.draw.random() < 0.6
        sides = [[*given, asked], given] if sense else [given, [*given, asked]]
        head = f"if {asked} {'!=' if sense else '=='} none"
        if rest and self.draw.random() < 0.2:  # then neither side knows of one
            head = f"{head} {self.draw.choice(['and', 'or'])} {self.draw.choice(rest)} != none"
            sides, rest = [given, given], optional
        then, other = (self.body(names, rest, side, blocks, depth + 1) for side in sides)
        return f"{head} {{\n{then}\n}}" + (f" else {{\n{other}\n}}" if self.draw.random() < 0.5 else "")

    def body(self, names: list[str], optional: list[str], given: list[str], blocks: list[str], depth: int = 0) -> str:
        names, lines = list(names), []
        for _ in range(self.draw.randint(1, 2 if depth else 4)):
            kind = self.draw.random()
            if kind < 0.35 and optional and depth < 3:
                lines.append(self.condition(names, optional, given, blocks, depth))
            elif kind < 0.6 and blocks and optional:
                block, name = self.draw.choice(blocks), self.fresh("v")
                more = "".join(f", {one}={self.argument(names, optional)}" for one in "mw" if self.draw.random() < 0.7)
                called = block if block.islower() else f"{self.fresh('b')}: {block}"
                lines.append(f"{name} = ({self.draw.choice(names)}{more}) -> {called}")
                names.append(name)
            else:
                known = names[1:]
                name = self.draw.choice(known) if known and self.draw.random() < 0.5 else self.fresh("v")
                lines.append(f"{name} = {self.expression(names, optional, given)}")
                names += [name] if name not in names else []
        lines.append(self.expression(names, optional, given))
        return "\n".join(lines)

    def program(self) -> str:
        blocks = ["Near", "Far"][: self.draw.randint(0, 2)]
        header = "(x: [B, D], m: [B, D] = none, w: [B, D] = none) -> [B, D]"
        text = [f"block {name}{header} {{\n{self.body(['x'], ['m', 'w'], [], [], 1)}\n}}" for name in blocks]
        shared = [name.lower() for name in blocks if self.draw.random() < 0.5]
        optional = ["a", "b", "c"][: self.draw.randint(1, 3)]
        inputs = ", ".join(f"{name}: [B, 8] = {self.draw.choice(['none', 'none', 'none', 'zeros'])}" for name in optional)
        declared = "".join(f"shared {name} = {name.capitalize()}\n" for name in shared)
        return "\n".join(
            [*text, f"arch Net(x: [B, 8], {inputs}) {{\n{declared}{self.body(['x'], optional, [], blocks + shared)}\n}}"]
        )


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int, tmp_path: Path) -> None:
    """Programs that are wrong for themselves are written again."""
    for attempt in range(20):
        program = spec(Writer(seed + 1000 * attempt).program())
        try:
            return agree_in_every_way(program, "Net", tmp_path)
        except ArchError as fault:
            codes = {one.code for one in fault.problems if one.severity == "error"}
            assert codes <= {"shared-mismatch", "unproved-dimension"}, codes
    raise AssertionError("no program without problems")
