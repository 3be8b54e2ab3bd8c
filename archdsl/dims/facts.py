"""Facts about sizes, and what they prove: equality, divisibility, order. Sound always; what is not proved is not claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archdsl.dims.bounds import nonnegative
from archdsl.dims.cases import equal_by_cases, nonnegative_by_cases
from archdsl.dims.dim import Dim, Size, floor_div
from archdsl.dims.division import content, exact_quotient
from archdsl.dims.known import Known

_Fact = tuple[str, Size, Size]


class Facts:
    """A set of facts `p == q`, `p <= q`, `p < q`, `p % k == 0`. Immutable: `and_…` give new ones."""

    __slots__ = ("_answers", "_hash", "_known", "facts", "windows")

    def __init__(self, facts: tuple[_Fact, ...] = ()) -> None:
        self.facts = facts
        self._hash: int | None = None
        self._known: Known | None = None
        self.windows: dict[tuple[object, ...], Size] = {}  # what `window.conv_out` has already worked out
        self._answers: dict[tuple[str, Size, Size], bool] = {}

    # Adding.

    def and_equal(self, p: Size, q: Size) -> Facts:
        """These and `p == q`."""
        return self._and("==", p, q)

    def and_at_most(self, p: Size, q: Size) -> Facts:
        """These and `p <= q`."""
        return self._and("<=", p, q)

    def and_less(self, p: Size, q: Size) -> Facts:
        """These and `p < q`."""
        return self._and("<", p, q)

    def and_divisible(self, p: Size, k: Size) -> Facts:
        """These and `p % k == 0`."""
        return self._and("%", p, k)

    def _and(self, kind: str, p: Size, q: Size) -> Facts:
        fact = (kind, p, q)
        if fact in self.facts or (isinstance(p, int) and isinstance(q, int)):
            return self
        return Facts((*self.facts, fact))

    @property
    def listed(self) -> tuple[str, ...]:
        """The facts as text, in the order they came."""
        out = []
        for kind, p, q in self.facts:
            if kind == "%":
                above = p if isinstance(p, int) or _bare(p) else f"({p})"
                out.append(f"{above} % {q if isinstance(q, int) or _bare(q) else f'({q})'} == 0")
            else:
                out.append(f"{p} {kind} {q}")
        return tuple(out)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Facts) and set(self.facts) == set(other.facts))

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.facts))
        return self._hash

    def __bool__(self) -> bool:
        return bool(self.facts)

    def __repr__(self) -> str:
        return f"Facts({', '.join(self.listed)})"

    def __reduce__(self) -> tuple[type[Facts], tuple[tuple[_Fact, ...]]]:
        return (Facts, (self.facts,))

    @property
    def known(self) -> Known:
        """What the facts amount to."""
        if self._known is None:
            self._known = _understand(self.facts)
        return self._known

    # Proving.

    def simplify(self, size: Size) -> Size:
        """The normal form of `size` under the facts."""
        if isinstance(size, int):
            return size
        return self.known.simplify(size)

    def equal(self, p: Size, q: Size) -> bool:
        """Whether `p == q` is proved."""
        if isinstance(p, int) and isinstance(q, int):
            return p == q
        return p == q or self._ask("==", p, q, self._equal)

    def _equal(self, p: Size, q: Size) -> bool:
        gap = self.simplify(self.simplify(p) - self.simplify(q))
        if isinstance(gap, int):
            return gap == 0
        kinds = _kinds(gap)
        if "max" in kinds or "min" in kinds:
            if nonnegative(self.known, gap) and nonnegative(self.known, -gap):
                return True
        return "floor" in kinds and equal_by_cases(self.known, gap)

    def differ(self, p: Size, q: Size) -> bool:
        """Whether `p != q` is proved."""
        if isinstance(p, int) and isinstance(q, int):
            return p != q
        return p != q and self._ask("!=", p, q, self._differ)

    def _differ(self, p: Size, q: Size) -> bool:
        gap = self.simplify(self.simplify(p) - self.simplify(q))
        if isinstance(gap, int):
            return gap != 0
        if all(one.denominator == 1 for one in gap.terms.values()):
            terms = dict(gap.terms)
            constant = int(terms.pop((), 0))
            if terms and constant % content(terms):
                return True
        return nonnegative(self.known, gap - 1) or nonnegative(self.known, -gap - 1)

    def divides(self, k: Size, p: Size) -> bool:
        """Whether `p % k == 0` is proved."""
        if isinstance(p, int) and isinstance(k, int):
            return k != 0 and p % k == 0
        return self._ask("%", p, k, self._divides)

    def _divides(self, p: Size, k: Size) -> bool:
        p, k = self.simplify(p), self.simplify(k)
        if k == 0:
            return False
        if k == 1 or self.equal(k * floor_div(p, k), p):
            return True
        for above, below in self.known.divisible:
            times = exact_quotient(p, self.simplify(above))
            if times is not None and exact_quotient(times * self.simplify(below), k) is not None:
                return True
        return False

    def at_least(self, p: Size, q: Size) -> bool:
        """Whether `p >= q` is proved."""
        if isinstance(p, int) and isinstance(q, int):
            return p >= q
        return p == q or self._ask(">=", p, q, self._at_least)

    def _at_least(self, p: Size, q: Size) -> bool:
        gap = self.simplify(self.simplify(p) - self.simplify(q))
        if nonnegative(self.known, gap):
            return True
        return isinstance(gap, Dim) and "floor" in _kinds(gap) and nonnegative_by_cases(self.known, gap)

    def _ask(self, kind: str, p: Size, q: Size, how: Callable[[Size, Size], bool]) -> bool:
        key = (kind, p, q)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = how(p, q)
        return found

    def decide(self, op: str, p: Size, q: Size) -> bool | None:
        """What a comparison (`== != < <= > >=`) comes to, None where the facts do not say."""
        if op in ("==", "!="):
            if self.equal(p, q):
                return op == "=="
            return op == "!=" if self.differ(p, q) else None
        if op in (">", ">="):
            p, q, op = q, p, "<" if op == ">" else "<="
        if op not in ("<", "<="):
            raise ValueError(f"`{op}` is no comparison")
        below = self.at_least(q, p + 1) if op == "<" else self.at_least(q, p)
        if below:
            return True
        above = self.at_least(p, q) if op == "<" else self.at_least(p, q + 1)
        return False if above else None

    # Advising.

    def missing_equal(self, p: Size, q: Size) -> str | None:
        """A fact that would prove `p == q`, as text: `H % 2 == 0`, `N == M`; None where none is seen or it cannot be."""
        from archdsl.dims.missing import missing_equal

        return missing_equal(self, p, q)

    def missing_divides(self, k: Size, p: Size) -> str | None:
        """A fact that would prove `p % k == 0`."""
        from archdsl.dims.missing import missing_divides

        return missing_divides(self, k, p)

    def missing_at_least(self, p: Size, q: Size) -> str | None:
        """A fact that would prove `p >= q`."""
        from archdsl.dims.missing import missing_at_least

        return missing_at_least(self, p, q)


def _bare(size: Size) -> bool:
    return isinstance(size, Dim) and len(size.terms) == 1 and str(size).isidentifier()


def _kinds(size: Dim) -> set[str]:
    """The kinds of atoms in it, at any depth."""
    kinds: set[str] = set()
    for atom in size.atoms():
        kinds.add(atom.kind)
        for one in atom.args:
            if isinstance(one, Dim):
                kinds |= _kinds(one)
    return kinds


def _understand(facts: tuple[_Fact, ...]) -> Known:
    known = Known()
    for kind, p, q in facts:
        if kind == "%":
            known.learn_divisible(p, q)
    equalities = [fact for fact in facts if fact[0] == "=="]
    for _, p, q in equalities:
        known.learn_equal(p, q)
    if equalities:  # again, now that symbols are given by others
        for kind, p, q in facts:
            if kind == "%":
                known.learn_divisible(p, q)
    for kind, p, q in facts:
        if kind in ("<=", "<"):
            known.learn_at_least(q, p + 1 if kind == "<" else p)
    return known


NO_FACTS: Final = Facts()

__all__ = ["NO_FACTS", "Facts"]
