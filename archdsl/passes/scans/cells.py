"""Which recurrent cell a body computes: Elman's RNN, PyTorch's GRU or the LSTM, told from its sums; and why not."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.ir.value import Value
from archdsl.passes.scans.reading import Reading, is_bias
from archdsl.passes.scans.sums import Curve, Mapped, Product, Read, Source, Sum, added, atom, curves, number, scaled, times
from archdsl.records import record
from archdsl.source import Span


class NotACell(Exception):
    """The carries look like a cell's, and are none."""

    def __init__(self, words: str, span: Span | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.span = span


@record
class Block:
    """A part of a weight, and the number that it is multiplied by."""

    weight: Mapped
    factor: float


@record
class Bias:
    """A part of a bias, and the number that it is multiplied by."""

    read: Read
    factor: float


@record
class Gate:
    """The sum that enters a gate: the input's part, the state's, and the biases of both.

    Biases of the state stand with it under a GRU's reset gate; elsewhere they could stand on either side.
    """

    entering: tuple[tuple[Read, Block], ...]
    state: Block
    biases: tuple[Bias, ...]
    inner: tuple[Bias, ...] = ()


@record
class Cell:
    """A cell that was found: its carries (h, and an LSTM's c), and its gates in PyTorch's order."""

    kind: str
    h: int
    c: int | None
    gates: tuple[Gate, ...]


def cells(reading: Reading) -> Iterator[Cell | NotACell]:
    """The cells of a loop's carries, and what nearly is one."""
    loop = reading.loop
    paired: set[int] = set()
    for h in loop.carries:
        for c in loop.carries:
            made = _tried(reading, h, c) if c != h else None
            if made is not None:
                paired |= {h, c}
                yield made
    for h in loop.carries:
        made = None if h in paired else _tried(reading, h, None)
        if made is not None:
            yield made


def _tried(reading: Reading, h: int, c: int | None) -> Cell | NotACell | None:
    try:
        return _Matching(reading, h).lstm(c) if c is not None else _Matching(reading, h).alone()
    except NotACell as fault:
        return fault


class _Matching:
    """One carry's next value beside those of the cells."""

    def __init__(self, reading: Reading, h: int) -> None:
        self.reading = reading
        self.loop = reading.loop
        self.h = h
        self.old = self.read(self.loop.old[h])

    def read(self, value: Value) -> Read:
        """The whole of a value as it is."""
        return Read(Source(value.name), 0, value.type.shape[-1] if value.type.rank else 1)

    def lstm(self, c: int) -> Cell | None:
        """The LSTM of h = sigmoid(o) * tanh(c) and c = sigmoid(f) * c + sigmoid(i) * tanh(g)."""
        out, kept = self.reading.whole(self.loop.new[self.h]), self.reading.whole(self.loop.new[c])
        memory = self.read(self.loop.old[c])
        if out is None or kept is None or len(out.terms) != 1:
            return None
        o = _other(_single(out), Curve("tanh", kept))
        if o is None or o.name != "sigmoid":
            return None
        what = f"`{self.loop.old[self.h].name}` and `{self.loop.old[c].name}` are like an LSTM's, but"
        gates: dict[str, Curve] = {"o": o}
        for product, factor in kept.terms:
            own = sorted(curves(product), key=lambda one: one.name)
            names = tuple(one.name for one in own)
            if factor == 1 and names == ("sigmoid",) and product == {(own[0], 1), (memory, 1)}:
                gates["f"] = own[0]
            elif factor == 1 and names == ("sigmoid", "tanh") and len(product) == 2:
                gates["i"], gates["g"] = own
        if len(gates) != 4 or len(kept.terms) != 2:
            name = self.loop.old[c].name
            raise NotACell(f"{what} `{name}` is not a gate times `{name}` and another gate times a tanh", self.span(c))
        return Cell("lstm", self.h, c, tuple(self.gate(gates[one].of, what) for one in "ifgo"))

    def alone(self) -> Cell | None:
        """A GRU's or an RNN's."""
        out = self.reading.whole(self.loop.new[self.h])
        if out is None:
            return None
        name = self.loop.old[self.h].name
        if len(out.terms) == 1:
            one = _single(out)
            if not isinstance(one, Curve) or one.name not in ("tanh", "relu") or not self.reaches(one.of):
                return None
            return Cell(f"rnn_{one.name}", self.h, None, (self.gate(one.of, f"`{name}` is like an Elman RNN's, but"),))
        what = f"`{name}` is like a GRU's, but"
        for z, factor, n in self.updates(out):
            return Cell("gru", self.h, None, self.reset(n.of, what, self.gate(z.of, what, factor)))
        return None

    def updates(self, out: Sum) -> Iterator[tuple[Curve, float, Curve]]:
        """The update gate and the new state of (1 - z) * n + z * h; a gate that stands the other way round is sigmoid(-x)."""
        atoms = {one for product, _ in out.terms for one in curves(product)}
        old = atom(self.old)
        for z in (one for one in atoms if one.name == "sigmoid"):
            for n in (one for one in atoms if one.name == "tanh"):
                for gate, factor in ((atom(z), 1.0), (added(number(1.0), atom(z, -1.0)), -1.0)):
                    fresh = times(added(number(1.0), scaled(gate, -1.0)), atom(n))
                    if added(fresh, times(gate, old)) == out:
                        yield z, factor, n

    def reset(self, new: Sum, what: str, z: Gate) -> tuple[Gate, Gate, Gate]:
        """A GRU's gates r, z, n, where n is tanh(W x + r * (U h + b))."""
        gates = {one for product, _ in new.terms for one in curves(product) if one.name == "sigmoid"}
        inside: list[tuple[Product, float]] = []
        outside: list[tuple[Product, float]] = []
        for product, factor in new.terms:
            under = [one for one in curves(product) if one.name == "sigmoid"]
            rest = frozenset(pair for pair in product if not under or pair[0] != under[0])
            (inside if under else outside).append((rest, factor))
        if len(gates) != 1 or len(new.terms) != len(inside) + len(outside):
            self.gate(new, what)
            raise NotACell(f"{what} no reset gate stands before the product with the state", self.span(self.h))
        entering, _, biases = self.terms(outside, what)
        more, state, inner = self.terms(inside, what)
        if state is None or more or not entering:
            raise NotACell(f"{what} the reset gate is not on the product with the state alone", self.span(self.h))
        if any(isinstance(one, Mapped) and one.of == self.old for product, _ in outside for one, _ in product):
            raise NotACell(f"{what} the state enters the new state past the reset gate", self.span(self.h))
        return self.gate(gates.pop().of, what), z, Gate(entering, state, biases, inner)

    def gate(self, of: Sum, what: str, factor: float = 1.0) -> Gate:
        """The gate that this sum enters. Raises `NotACell`."""
        entering, state, biases = self.terms(list(scaled(of, factor).terms), what)
        if state is None:
            raise NotACell(f"{what} a gate does not see the state", self.span(self.h))
        if not entering:
            raise NotACell(f"{what} a gate does not see the input", self.span(self.h))
        return Gate(entering, state, biases)

    def terms(
        self, terms: list[tuple[Product, float]], what: str
    ) -> tuple[tuple[tuple[Read, Block], ...], Block | None, tuple[Bias, ...]]:
        """A sum as products with the input, the product with the state, and biases. Raises `NotACell`."""
        entering: dict[Read, Block] = {}
        states: list[Block] = []
        biases: list[Bias] = []
        for product, factor in terms:
            atoms = [one for one, power in product if power == 1]
            one = atoms[0] if len(atoms) == 1 and len(product) == 1 else None
            if isinstance(one, Mapped) and one.of == self.old:
                states.append(Block(one, factor))
            elif isinstance(one, Mapped) and self.varies(one.of) and one.of not in entering:
                entering[one.of] = Block(one, factor)
            elif isinstance(one, Read) and self.is_bias(one):
                biases.append(Bias(one, factor))
            else:
                raise NotACell(*self.wrong(what, one))
        if len(states) > 1:
            raise NotACell(f"{what} a gate sees the state through several products", self.span(self.h))
        ordered = tuple(sorted(entering.items(), key=lambda pair: repr(pair[0])))
        return ordered, states[0] if states else None, tuple(sorted(biases, key=lambda one: repr(one.read)))

    def wrong(self, what: str, one: object) -> tuple[str, Span | None]:
        """Why a term stands in no gate, and where it is made."""
        if isinstance(one, Mapped):
            given, made = one.of.source.name, self.reading.made.get(one.of.source.name)
            said = f"`{given}`" if made is None else self.reading.named(made.results[0])
            words = f"{self.reading.told(one.weight)} is applied to {said}, not to `{self.loop.old[self.h].name}` as it was"
            return f"{what} {words}", made.span if made is not None else self.span(self.h)
        if not isinstance(one, Read) or one.source.path or one.source.outer:
            return f"{what} a gate holds more than products with weights and biases", self.span(self.h)
        node = self.reading.made.get(one.source.name)
        name = one.source.name
        if node is None:
            return f"{what} a gate sees `{name}` itself, without a product with weights", self.span(self.h)
        span = node.span
        if name in self.loop.steps.known:
            return f"{what} `{name}`, which a gate sees, is no product of the input with weights", span
        if node.member is not None:
            label, given = ".".join(node.member), " and ".join(map(self.reading.named, node.operands))
            return f"{what} `{label}` is applied to {given}, not to `{self.loop.old[self.h].name}` as it was", span
        return f"{what} {self.reading.named(node.results[0])} is no sum of products with weights", span

    def varies(self, read: Read) -> bool:
        """Whether it is a sequence that is known outside, of vectors beside the state."""
        many = None if read.source.path else self.reading.many(read.source)
        if many is None or many.after is None or many.step.dtype != "float":
            return False
        shape, own = many.step.shape, self.loop.old[self.h].type.shape
        return len(shape) == len(own) and all(map(self.reading.facts.equal, shape[:-1], own[:-1]))

    def is_bias(self, read: Read) -> bool:
        """Whether it is one vector for all steps and sequences."""
        if read.source.path:
            return True
        many = self.reading.many(read.source)
        return many is not None and many.after is None and is_bias(many.step)

    def reaches(self, of: Sum) -> bool:
        """Whether a product with the state is in the sum, or something that the loop alone computes."""
        known = self.loop.steps.known
        for product, _ in of.terms:
            for one, _ in product:
                read = one.of if isinstance(one, Mapped) else one
                if isinstance(read, Read) and not read.source.path and not read.source.outer and read.source.name not in known:
                    return True
        return False

    def span(self, index: int) -> Span | None:
        """Where a carry's next value is made."""
        node = self.reading.made.get(self.loop.new[index].name)
        return node.span if node is not None else None


def _single(out: Sum) -> object:
    """The one product of a sum, with the coefficient 1: its atom, or its atoms."""
    ((product, factor),) = out.terms
    atoms = [one for one, power in product if power == 1]
    if factor != 1 or len(atoms) != len(product):
        return None
    return atoms[0] if len(atoms) == 1 else tuple(atoms)


def _other(pair: object, one: Curve) -> Curve | None:
    """The curve that stands beside another in a product of two."""
    if not isinstance(pair, tuple) or len(pair) != 2 or one not in pair:
        return None
    other = pair[0] if pair[1] == one else pair[1]
    return other if isinstance(other, Curve) else None
