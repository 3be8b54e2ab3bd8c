"""Which layout a file of weights is in: the spec's own, or that of one of the maps beside the spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from archdsl.files.tensors import Held
from archdsl.problems.problem import ArchError
from archdsl.records import record
from archdsl.weights.maps import WeightMap, matches
from archdsl.weights.own import Own
from archdsl.weights.planning import plan
from archdsl.weights.reading import read_map

FOLDER = "maps"
"""The folder of maps, beside the spec."""


@record
class Layout:
    """A map and how well a file is in its layout: `taken` of the file's names, and whether it could be converted, for an
    architecture whose configuration is what the map `needs` where that is another."""

    path: Path
    reference: str
    taken: float
    fits: bool
    needs: tuple[tuple[str, object], ...] = ()


@record
class Comparison:
    """A file against a spec: names by what is so of them, in the order of the file and the spec."""

    equal: tuple[str, ...]
    misshapen: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the file can be loaded as it is."""
        return not (self.misshapen or self.missing or self.extra)


def compare(own: Own, given: Mapping[str, Held]) -> Comparison:
    """The file's tensors against the spec's. Of a tensor with several names one is enough."""
    equal, misshapen, extra = [], [], []
    for name, one in given.items():
        wanted = own.tensors.get(name)
        if wanted is None:
            extra.append(name)
        elif (wanted.shape, wanted.kind) == (one.shape, one.kind):
            equal.append(name)
        else:
            misshapen.append(name)
    missing = [name for name in own.tensors if not any(one in given for one in own.group(name))]
    return Comparison(tuple(equal), tuple(misshapen), tuple(missing), tuple(extra))


def maps_for(spec: Path) -> list[Path]:
    """The maps in the folder `maps` beside a spec that name it, or none."""
    found = []
    for path in sorted((spec.parent / FOLDER).glob("*.toml")):
        try:
            named = read_map(path).spec
        except ArchError:  # told when it is asked for
            continue
        if named in ("", spec.name):
            found.append(path)
    return found


def layouts(maps: Iterable[Path], own: Own, given: Mapping[str, Held]) -> list[Layout]:
    """The maps that take names of the file, those that fit first, then by how many they take."""
    found = []
    for path in maps:
        map = read_map(path)
        taken = sum(bool(_takes(map, name)) for name in given) / max(len(given), 1)
        if taken:
            needs = tuple((name, one) for name, one, _ in map.configuration if own.configuration.get(name) != one)
            found.append(Layout(path, map.reference, taken, _fits(map, own, given), needs))
    return sorted(found, key=lambda one: (not one.fits, -one.taken, one.path))


def _takes(map: WeightMap, name: str) -> bool:
    return bool(matches(map.rules, name, False)) or any(one.name.match(name) is not None for one in map.drops)


def _fits(map: WeightMap, own: Own, given: Mapping[str, Held]) -> bool:
    """Whether names and shapes fit, whatever the configuration is."""
    try:
        plan(WeightMap(map.source, map.reference, map.spec, map.rules, map.drops, map.fills), own, given, "")
    except ArchError:
        return False
    return True
