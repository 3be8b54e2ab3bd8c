"""Random sizes and facts against brute force: the normal form keeps the value, and what is proved holds for every assignment."""

from __future__ import annotations

import itertools
import random

import pytest

from archdsl.dims.dim import DimTooLarge, ceil_div, floor_div, format_size, maximum, minimum, modulo, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.read import read_size

NAMES = ("H", "W", "k")


def value(size, env):
    return size if isinstance(size, int) else size.evaluate(env)


class Tree:
    """An expression evaluated in two ways: straight by Python's ints, and as a size."""

    def __init__(self, rng, depth, names=NAMES):
        self.kind = "leaf" if depth == 0 or rng.random() < 0.15 else rng.choice(
            ["+", "-", "*", "//", "%", "max", "min", "ceil", "//", "+", "//n", "%n"]
        )  # fmt: skip
        if self.kind == "leaf":
            self.leaf = rng.choice(names) if rng.random() < 0.65 else rng.randint(-3, 9)
            return
        self.left = Tree(rng, depth - 1, names)
        if self.kind in ("//", "%", "ceil"):
            self.right = Tree(rng, 0, names)
            if isinstance(self.right.leaf, int):
                self.right.leaf = rng.randint(1, 8)
        elif self.kind in ("//n", "%n"):
            self.right = Tree(rng, 0, names)
            self.right.leaf = rng.randint(1, 8)
        else:
            self.right = Tree(rng, depth - 1, names)

    def run(self, env):
        if self.kind == "leaf":
            return env[self.leaf] if isinstance(self.leaf, str) else self.leaf
        a, b = self.left.run(env), self.right.run(env)
        match self.kind[0]:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a // b
            case "%":
                return a % b
            case "c":
                return -(-a // b)
        return max(a, b) if self.kind == "max" else min(a, b)

    def size(self):
        if self.kind == "leaf":
            return symbol(self.leaf) if isinstance(self.leaf, str) else self.leaf
        a, b = self.left.size(), self.right.size()
        match self.kind[0]:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return floor_div(a, b)
            case "%":
                return modulo(a, b)
            case "c":
                return ceil_div(a, b)
        return maximum(a, b) if self.kind == "max" else minimum(a, b)


GRID = [dict(zip(NAMES, row, strict=True)) for row in itertools.product((1, 2, 3, 4, 7, 12), (1, 2, 5, 8), (1, 2, 3, 6))]


@pytest.mark.parametrize("seed", range(8))
def test_the_normal_form_keeps_the_value(seed):
    rng = random.Random(seed)
    for _ in range(250):
        tree = Tree(rng, rng.randint(1, 4))
        try:
            size = tree.size()
        except DimTooLarge:
            continue
        text = format_size(size)
        assert read_size(text) == size, text
        python = compile(format_size(size, "python", lambda name: f"env[{name!r}]"), "size", "eval")
        for env in rng.sample(GRID, 20):
            assert value(size, env) == tree.run(env), (text, env)
            assert eval(python, {"max": max, "min": min, "env": env}) == tree.run(env), (text, env)


@pytest.mark.parametrize("seed", range(4))
def test_substitution_is_evaluation(seed):
    rng = random.Random(1000 + seed)
    for _ in range(150):
        tree = Tree(rng, 3)
        part = Tree(rng, 1, ("W", "k"))
        env = rng.choice(GRID)
        inner = part.run(env)
        if inner < 1:
            continue
        size = tree.size()
        new = size if isinstance(size, int) else size.substitute({"H": part.size()})
        assert value(new, env) == tree.run({**env, "H": inner}), str(size)


def random_facts(rng):
    """One to three facts: the Facts, and a predicate."""
    facts, tests = Facts(), []
    for _ in range(rng.randint(1, 3)):
        kind = rng.choice(["%", "%", "%k", "==", "<=", "<"])
        left = Tree(rng, rng.choice([0, 0, 1, 2]))
        if kind == "%":
            k = rng.choice([2, 3, 4, 8])
            shift = rng.choice([0, 0, 1])
            facts = facts.and_divisible(left.size() + shift, k)
            tests.append(lambda env, left=left, k=k, shift=shift: (left.run(env) + shift) % k == 0)
        elif kind == "%k":
            right = Tree(rng, 0)
            right.leaf = rng.choice(NAMES)
            facts = facts.and_divisible(left.size(), right.size())
            tests.append(lambda env, left=left, right=right: left.run(env) % right.run(env) == 0)
        else:
            right = Tree(rng, rng.choice([0, 1]))
            add = {"==": facts.and_equal, "<=": facts.and_at_most, "<": facts.and_less}[kind]
            facts = add(left.size(), right.size())
            how = {"==": int.__eq__, "<=": int.__le__, "<": int.__lt__}[kind]
            tests.append(lambda env, left=left, right=right, how=how: how(left.run(env), right.run(env)))
    return facts, lambda env: all(test(env) for test in tests)


WIDE = [dict(zip(NAMES, row, strict=True)) for row in itertools.product(range(1, 17), range(1, 17), range(1, 9))]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_proved_holds_wherever_the_facts_do(seed):
    rng = random.Random(seed)
    proved = 0
    for _ in range(25):
        facts, holds = random_facts(rng)
        worlds = [env for env in WIDE if holds(env)]
        if not worlds:
            continue
        worlds = rng.sample(worlds, min(len(worlds), 150))
        for _ in range(8):
            p, q = Tree(rng, rng.randint(1, 3)), Tree(rng, rng.randint(0, 2))
            ps, qs = p.size(), q.size()
            simple = facts.simplify(ps)
            for env in worlds:
                assert value(simple, env) == p.run(env), (facts, str(ps), str(simple), env)
            answers = {op: facts.decide(op, ps, qs) for op in ("==", "!=", "<", "<=", ">", ">=")}
            divides = facts.divides(qs, ps)
            for env in worlds:
                a, b = p.run(env), q.run(env)
                real = {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
                for op, answer in answers.items():
                    assert answer is None or answer == real[op], (facts, str(ps), op, str(qs), env)
                assert not divides or b == 0 or a % b == 0, (facts, str(ps), str(qs), env)
            proved += sum(answer is not None for answer in answers.values())
    assert proved > 100


@pytest.mark.parametrize("seed", range(4))
def test_a_missing_fact_really_is_one(seed):
    from archdsl.dims.read import read_fact

    rng = random.Random(50 + seed)
    found = 0
    for _ in range(60):
        p, q = Tree(rng, 2).size(), Tree(rng, 1).size()
        for advice, proves in (
            (Facts().missing_equal(p, q), lambda facts, p=p, q=q: facts.equal(p, q)),
            (Facts().missing_at_least(p, q), lambda facts, p=p, q=q: facts.at_least(p, q)),
        ):
            if advice is None:
                continue
            found += 1
            facts = Facts()
            for text in advice.split(" and "):
                left, sign, right = read_fact(text)
                facts = {"==": facts.and_equal, "<=": facts.and_at_most}[sign](left, right)
            assert proves(facts), (str(p), str(q), advice)
    assert found > 10
