"""z3 as a second oracle for proofs, and hypothesis for the laws of the arithmetic."""

from __future__ import annotations

import random

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.dims.dim import Dim, ceil_div, floor_div, maximum, minimum, modulo, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.read import read_size


def to_z3(size, names):
    """The size as a z3 integer, whole coefficients only."""
    if isinstance(size, int):
        return z3.IntVal(size)
    total = z3.IntVal(0)
    for mono, coefficient in size.terms.items():
        part = z3.IntVal(int(coefficient))
        for atom, power in mono:
            args = [to_z3(one, names) for one in atom.args]
            if atom.kind == "symbol":
                value = names.setdefault(atom.name, z3.Int(atom.name))
            elif atom.kind == "floor":
                value = args[0] / args[1]  # z3's integer division floors for a positive divisor
            else:
                value = args[0]
                for one in args[1:]:
                    value = z3.If(one > value if atom.kind == "max" else one < value, one, value)
            for _ in range(power):
                part = part * value
        total = total + part
    return total


TEXTS = ["H", "W", "H + W", "H // 2", "2*(H // 2)", "(H + 1) // 2", "(W + 3) // 4", "H % 3", "max(H, W)", "min(H, 5)"]
TEXTS += ["3*W - H", "7"]


@pytest.mark.parametrize("seed", range(30))
def test_z3_finds_no_counterexample(seed):
    rng = random.Random(seed)
    facts, given_facts = Facts(), []
    for _ in range(2):
        p, q = read_size(rng.choice(TEXTS)), read_size(rng.choice(TEXTS))
        kind = rng.choice(["%", "==", "<="])
        if kind == "%":
            k = rng.choice([2, 3, 4])
            facts = facts.and_divisible(p, k)
            given_facts.append(lambda names, p=p, k=k: to_z3(p, names) % k == 0)
        elif kind == "==":
            facts = facts.and_equal(p, q)
            given_facts.append(lambda names, p=p, q=q: to_z3(p, names) == to_z3(q, names))
        else:
            facts = facts.and_at_most(p, q)
            given_facts.append(lambda names, p=p, q=q: to_z3(p, names) <= to_z3(q, names))
    for _ in range(12):
        p, q = read_size(rng.choice(TEXTS)), read_size(rng.choice(TEXTS))
        names: dict = {"H": z3.Int("H"), "W": z3.Int("W")}
        a, b = to_z3(p, names), to_z3(q, names)
        claims = []
        if facts.equal(p, q):
            claims.append(a == b)
        if facts.differ(p, q):
            claims.append(a != b)
        if facts.at_least(p, q):
            claims.append(a >= b)
        if facts.divides(2, p):
            claims.append(a % 2 == 0)
        if not claims:
            continue
        solver = z3.Solver()
        solver.set("timeout", 2000)
        solver.add(*(one >= 1 for one in names.values()), *(one(names) for one in given_facts), z3.Not(z3.And(claims)))
        assert solver.check() != z3.sat, (facts, str(p), str(q), solver.model())


def value(size, env):
    return size if isinstance(size, int) else size.evaluate(env)


def leaf():
    return st.one_of(st.integers(-6, 12), st.sampled_from(["H", "W", "T"]).map(symbol))


sizes = st.recursive(
    leaf(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] + two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] - two[1]),
        st.tuples(inner, leaf()).map(lambda two: two[0] * two[1]),
        st.tuples(inner, st.integers(1, 9)).map(lambda two: floor_div(*two)),
        st.tuples(inner, st.integers(1, 9)).map(lambda two: modulo(*two)),
        st.tuples(inner, inner).map(lambda two: maximum(*two)),
        st.tuples(inner, inner).map(lambda two: minimum(*two)),
    ),
    max_leaves=8,
)
LAW = settings(max_examples=150, deadline=None)


@LAW
@given(sizes, sizes, sizes)
def test_the_sizes_are_a_ring(a, b, c):
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert a * 1 == a
    assert a * 0 == 0
    assert hash(a + b) == hash(b + a)


@LAW
@given(sizes, st.integers(1, 12), st.integers(1, 12))
def test_floors(a, j, k):
    env = {"H": 11, "W": 6, "T": 29}
    nested, once = floor_div(floor_div(a, j), k), floor_div(a, j * k)
    assert value(nested, env) == value(once, env)
    assert floor_div(a * k, k) == a
    assert floor_div(a + 5 * k, k) == floor_div(a, k) + 5
    assert floor_div(a, k) * k + modulo(a, k) == a
    plain = 3 * symbol("H") + j
    assert Facts().at_least(ceil_div(plain, k) * k, plain)
    assert Facts().at_least(plain, floor_div(plain, k) * k)


@LAW
@given(sizes, sizes)
def test_extremes(a, b):
    assert maximum(a, b) == maximum(b, a)
    assert minimum(a, a) == a
    assert Facts().at_least(maximum(a, b), a)
    assert Facts().at_least(b, minimum(a, b))


@LAW
@given(sizes)
def test_text_and_types(a):
    assert read_size(str(a)) == a
    assert isinstance(a, int) == (not isinstance(a, Dim))
    if isinstance(a, Dim):
        assert a.symbols


@LAW
@given(sizes, st.integers(2, 16), st.integers(1, 6), st.integers(1, 20), st.integers(1, 20))
def test_simplifying_under_a_fact_keeps_the_value(a, k, h, w, t):
    facts = Facts().and_divisible(symbol("H"), k).and_at_most(symbol("W"), 20)
    env = {"H": h * k, "W": w, "T": t}
    new = facts.simplify(a)
    assert value(new, env) == value(a, env)
    assert facts.simplify(new) == new
