"""Did you mean: the near names, for every kind of name."""

from __future__ import annotations

from collections.abc import Iterable


def near(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names that `name` may have been meant for, nearest first."""
    from difflib import get_close_matches

    candidates = sorted(set(known))
    folded = {candidate.lower().replace("_", ""): candidate for candidate in reversed(candidates)}
    exact = folded.get(name.lower().replace("_", ""))
    close = get_close_matches(name, candidates, n=limit, cutoff=0.6)
    return ([exact] if exact else []) + [candidate for candidate in close if candidate != exact][: limit - bool(exact)]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A help line, or None where nothing is near."""
    names = near(name, known)
    if not names:
        return None
    return "did you mean " + " or ".join(f"`{one}`" for one in names) + "?"
