"""What a conversion will do, decided from names, shapes and types alone: all that does not fit is told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archdsl.files.tensors import Held
from archdsl.problems.collector import Problems
from archdsl.problems.suggest import did_you_mean
from archdsl.records import record
from archdsl.source import Source, Span
from archdsl.weights.maps import Drop, Fill, Match, Rule, WeightMap, matches, steps_of
from archdsl.weights.own import Own
from archdsl.weights.patterns import Captures
from archdsl.weights.problems import BadWeightMap, WeightsDoNotFit
from archdsl.weights.steps import FLOATS, Step, StepFault, Sum

SHOWN = 4
"""How many names one problem lists."""


@record
class Move:
    """One use of a rule: the tensors that it takes and those that it makes, with the steps between."""

    at: Span
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    steps: tuple[Step, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: str


@record
class Plan:
    """All moves; the tensors that are left out, each with its rule and captures; the own tensors that are made up."""

    moves: tuple[Move, ...]
    dropped: tuple[tuple[str, Drop, Captures], ...] = ()
    filled: tuple[tuple[str, Fill], ...] = ()


def plan(map: WeightMap, own: Own, given: Mapping[str, Held], file: str, backwards: bool = False) -> Plan:
    """The conversion of the `given` tensors. Raises `ArchError` with everything that does not fit.

    Forwards `given` are the reference's and become the spec's; backwards it is the other way.
    """
    return _Planner(map, own, given, file, backwards).plan()


class _Planner:
    def __init__(self, map: WeightMap, own: Own, given: Mapping[str, Held], file: str, backwards: bool) -> None:
        self.map = map
        self.own = own
        self.given = given
        self.file = Span(Source(file, ""), 0, 0)
        self.backwards = backwards
        self.problems = Problems()
        self.made: dict[str, Span] = {}
        self.misshapen: dict[Span, list[str]] = {}

    def plan(self) -> Plan:
        self._check_configuration()
        if self.backwards:
            check_own(self.own, self.given, self.file, self.problems)
            self.problems.raise_errors()
        uses, dropped, filled = self._sorted_out()
        moves = [self._move(rule, captures) for rule, captures in uses]
        found = tuple(one for one in moves if one is not None)
        for at, why in self.misshapen.items():
            more = f"; so for {len(why) - 1} more" if len(why) > 1 else ""
            self._add(at, why[0] + more, "is it another size of the architecture? Its configuration is set by -D name=value")
        if not self.backwards:
            filled = self._fills()
            self._check_filled(found, filled)
        self.problems.raise_errors()
        return Plan(found, tuple(dropped), tuple(filled))

    def _check_configuration(self) -> None:
        """Names and shapes may agree where the functions do not: in the eps of a norm, say."""
        for name, value, at in self.map.configuration:
            found = self.own.configuration.get(name)
            if name not in self.own.configuration:
                self.problems.add(BadWeightMap(at=at, why=f"{self.own.name} has no configuration parameter `{name}`",
                                               help=did_you_mean(name, self.own.configuration)))  # fmt: skip
            elif found != value:
                self._add(at, f"the reference has {name} = {value}, and {self.own.name} {found}: another function",
                          f"convert for, and build, the one with -D {name}={value}")  # fmt: skip

    def _sorted_out(self) -> tuple[list[tuple[Rule, Captures]], list[tuple[str, Drop, Captures]], list[tuple[str, Fill]]]:
        """Each given tensor at the one rule that takes it."""
        uses: dict[tuple[int, str], tuple[Rule, Captures]] = {}
        dropped: list[tuple[str, Drop, Captures]] = []
        filled: list[tuple[str, Fill]] = []
        strangers: list[str] = []
        for name in self.given:
            found = matches(self.map.rules, name, self.backwards)
            others = self._others(name)
            if len(found) + len(others) > 1:
                first, second = [*(one.rule.at for one in found), *(one[0].at for one in others)][:2]
                self._add(second, f"two rules take `{name}`: this one, and that of line {first.line}",
                          "say in one of them what it takes, by a range {i:1..} or by words {leaf:weight|bias}")  # fmt: skip
            elif found:
                uses.setdefault(_key(found[0]), (found[0].rule, found[0].captures))
            elif others:
                rule, captures = others[0]
                if isinstance(rule, Drop):
                    dropped.append((name, rule, captures))
                else:
                    filled.append((name, rule))
            else:
                strangers.append(name)
        if self.backwards:  # of a tied tensor one name is enough
            taken = set(self.given) - set(strangers)
            strangers = [one for one in strangers if taken.isdisjoint(self.own.group(one))]
        if strangers:
            known = [one.told for one in self.map.rules]
            help = did_you_mean(strangers[0], known) or "`archdsl weights inspect FILE --spec SPEC` tells which map fits"
            self._add(self.file, f"no rule of {self.map.source.name} takes {_listed(strangers)}", help)
        return list(uses.values()), dropped, filled

    def _others(self, name: str) -> list[tuple[Drop | Fill, Captures]]:
        """The drops (backwards: the fills) of this name."""
        found: list[tuple[Drop | Fill, Captures]] = []
        for one in self.map.fills if self.backwards else self.map.drops:
            captures = one.name.match(name)
            if captures is not None:
                found.append((one, captures))
        return found

    def _move(self, rule: Rule, captures: Captures) -> Move | None:
        """A use of a rule, or None where it does not fit."""
        sides = [tuple(one.make(captures) for one in side) for side in (rule.sources, rule.targets)]
        sources, targets = reversed(sides) if self.backwards else sides
        absent = [one for one in sources if one not in self.given]
        if absent:
            self._add(rule.at, f"{_listed(absent)} {'is' if len(absent) == 1 else 'are'} missing, which this rule joins with "
                      f"{_listed([one for one in sources if one not in absent])}")  # fmt: skip
            return None
        dtypes = {self.given[one].dtype for one in sources}
        if len(dtypes) > 1:
            self._add(rule.at, f"{_listed(list(sources))} are of several types: {', '.join(sorted(dtypes))}")
            return None
        shapes = [self.given[one].shape for one in sources]
        try:
            steps = steps_of(rule, self.own.configuration)
        except StepFault as fault:
            self.problems.add(BadWeightMap(at=rule.at, why=str(fault)))
            return None
        if self.backwards:
            steps = [one.backwards() for one in reversed(steps)]
        try:
            for step in steps:
                shapes = step.shapes(shapes)
        except StepFault as fault:
            self._add(rule.at, f"{_listed(list(sources))}: {fault}")
            return None
        dtype = dtypes.pop()
        if any(isinstance(one, Sum) for one in steps) and dtype not in FLOATS:
            self._add(rule.at, f"{_listed(list(sources))} are {dtype}, which is not added up here", "convert the file to float32")
            return None
        for target, shape in zip(targets, shapes, strict=True):
            self._check_target(rule.at, target, shape, self.given[sources[0]].kind)
        return Move(rule.at, tuple(sources), tuple(targets), tuple(steps), tuple(shapes), dtype)

    def _check_target(self, at: Span, target: str, shape: tuple[int, ...], kind: str) -> None:
        if target in self.made:
            self._add(at, f"`{target}` is filled twice: here, and by the rule of line {self.made[target].line}")
        self.made[target] = at
        if self.backwards:
            return
        wanted = self.own.tensors.get(target)
        if wanted is None:
            self._add(at, f"{self.own.name} has no tensor `{target}`", did_you_mean(target, self.own.tensors))
        elif (wanted.shape, wanted.kind) != (shape, kind):
            told = f"`{target}` would become {kind} {list(shape)} and is {wanted.kind} {list(wanted.shape)} in {self.own.name}"
            self.misshapen.setdefault(at, []).append(told)

    def _fills(self) -> list[tuple[str, Fill]]:
        found: list[tuple[str, Fill]] = []
        for name, tensor in self.own.tensors.items():
            for one in self.map.fills:
                if one.name.match(name) is None:
                    continue
                if one.value is None and not tensor.buffer:
                    self._add(one.at, f"`{name}` is a parameter: its values are learned, and not as the spec makes them")
                if name in self.made:
                    self._add(one.at, f"`{name}` is filled twice: here, and by the rule of line {self.made[name].line}")
                self.made[name] = one.at
                found.append((name, one))
        return found

    def _check_filled(self, moves: Iterable[Move], filled: Iterable[tuple[str, Fill]]) -> None:
        """Every own tensor is filled, under one of its names."""
        empty = [name for name in self.own.tensors if not any(one in self.made for one in self.own.group(name))]
        if empty:
            self._add(self.file, f"nothing fills {_listed(empty)} of {self.own.name}")

    def _add(self, at: Span, why: str, help: str | None = None) -> None:
        self.problems.add(WeightsDoNotFit(at=at, why=why, help=help))


def check_own(own: Own, given: Mapping[str, Held], at: Span, problems: Problems) -> None:
    """Whether the given tensors are those of the spec, each under one of its names at least."""
    missing = [name for name in own.tensors if not any(one in given for one in own.group(name))]
    if missing:
        problems.add(WeightsDoNotFit(at=at, why=f"{_listed(missing)} of {own.name} {_is(missing)} missing"))
    extra = [name for name in given if name not in own.tensors]
    if extra:
        help = did_you_mean(extra[0], own.tensors)
        problems.add(WeightsDoNotFit(at=at, why=f"{_listed(extra)} {_is(extra)} not in {own.name}", help=help))
    other = [
        f"`{name}` is {one.kind} {list(one.shape)} and must be {own.tensors[name].kind} {list(own.tensors[name].shape)}"
        for name, one in given.items()
        if name in own.tensors and (own.tensors[name].shape, own.tensors[name].kind) != (one.shape, one.kind)
    ]
    for why in other:
        problems.add(WeightsDoNotFit(at=at, why=why))


def _key(match: Match) -> tuple[int, str]:
    """What two tensors of one use of a rule have in common."""
    return id(match.rule), repr(sorted(match.captures.items()))


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: list[str]) -> str:
    """`a`, `b` and 3 more."""
    shown = ", ".join(f"`{one}`" for one in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
