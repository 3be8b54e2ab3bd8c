"""One function being made: its locals, its statements, and the sizes it reads from shapes."""

from __future__ import annotations

import re

from archdsl.dims.dim import Dim, Size, symbol
from archdsl.dims.dtype import FLOAT
from archdsl.dims.shape import TensorType
from archdsl.ir.value import Value
from archdsl.ops.own_float import seen
from archdsl.targets.torch.explain import Vector, explain
from archdsl.targets.torch.literals import MARK
from archdsl.targets.torch.names import stem_of
from archdsl.targets.torch.scope import Numbers, Unexplained, hint_of
from archdsl.targets.torch.statements import Line, Statement
from archdsl.targets.torch.tape import DTYPES, Surroundings, Tape

NAMED = re.compile(r"\$[\w.]+|[\w.]+@\d+")
"""How a size is explained: `$name` is configuration, `local@axis` the size of an axis."""


class Function:
    """The body of a `forward` while it is made."""

    def __init__(self, numbers: Numbers, helpers: dict[str, None], symbols: dict[Vector, str]) -> None:
        self.numbers = numbers
        self.helpers = helpers
        self.symbols = symbols
        """The author's names of sizes: values to name."""
        self.statements: list[Statement] = []
        self.hints: dict[str, str] = {}
        self.locals: dict[str, str] = {}
        """The local of each value of the graph, by the value's name."""
        self.shapes: list[tuple[str, TensorType]] = []
        """Tensors whose shapes and dtypes may be asked, the best first."""
        self.axes: dict[tuple[str, int], str] = {}
        """Locals that hold the size of an axis of a tensor."""
        self.own = ""
        """A float tensor of the module itself."""
        self.arguments: set[str] = set()
        """The locals that are there from the start."""
        self.extras: dict[Vector, str] = {}
        """Sizes that come as arguments."""

    def fresh(self, hint: str) -> str:
        """A new local."""
        local = f"{MARK}{len(self.hints)}{MARK}"
        self.hints[local] = hint
        return local

    def bind(self, value: Value) -> str:
        """A new local for a value of the graph."""
        local = self.fresh(value.name)
        self.locals[value.name] = local
        return local

    def add(self, targets: tuple[str, ...], code: str, note: str = "", *, head: str = "", fixed: bool = False) -> Line:
        line = Line(targets, code, note, head, fixed=fixed)
        self.statements.append(line)
        return line

    def tape(
        self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...], beside: tuple[tuple[str, TensorType], ...] = (),
        own: str = FLOAT,
    ) -> Tape:  # fmt: skip
        """A tape for one line; `beside` are the tensors that the line reads, `own` is the float type in which it computes."""

        def hand(floating: bool) -> str | None:
            for local, type in (*beside, *self.shapes):
                if not floating or type.dtype == "float":
                    return local
            return None

        def dtype() -> str:
            if own != FLOAT:
                return DTYPES[own]
            local = hand(True)
            return f"{local}.dtype" if local else self.default_dtype()

        def device() -> str:
            local = hand(False)
            return f"{local}.device" if local else self.default_device()

        def let(code: str, hint: str) -> str:
            local = self.fresh(hint)
            self.add((local,), code, fixed=True)
            return local

        inputs, outputs = tuple(seen(one, own) for one in inputs), tuple(seen(one, own) for one in outputs)
        return Tape(inputs, outputs, Surroundings(self.symbol, self.size, dtype, device, let, self.helpers))

    def default_dtype(self) -> str:
        """The module's float type where no tensor is at hand: that of its first parameter."""
        return f"{self.own}.dtype" if self.own else "torch.get_default_dtype()"

    def default_device(self) -> str:
        return f"{self.own}.device" if self.own else 'torch.device("cpu")'

    def symbol(self, name: str) -> str:
        """The expression for a symbol in a size."""
        values = self.numbers.plan.holes.values.get(name) or (symbol(name),) * self.numbers.plan.holes.count
        return self.told(values, name if not name.startswith("?") else self.numbers.plan.holes.hints[name]) or self.extra(
            values, name
        )

    def size(self, size: Dim) -> str | None:
        """The expression for a whole size; None where it is to be composed of its symbols."""
        return self.told(self.numbers.plan.holes.sizes(size), hint_of(self.numbers, size, "size"), whole=True)

    def told(self, values: Vector, hint: str, whole: bool = False) -> str | None:
        if values in self.extras:
            return self.extras[values]
        if self.numbers.is_static(values):
            return self.numbers.static(values, hint, stored=True)
        pool: dict[str, Vector] = {}
        for local, type in self.shapes:
            for axis, one in enumerate(type.shape):
                if not isinstance(one, int):
                    pool.setdefault(f"{local}@{axis}", self.numbers.plan.holes.sizes(one))
        found = explain(values, pool)
        if found is None and len(pool) and self.numbers.plan.known:
            pool.update((f"${name}", one) for name, one in self.numbers.plan.known.items())
            found = explain(values, pool)
        if found is None:
            return None
        return NAMED.sub(lambda name: self.spelled(name[0]), found[0].text)

    def spelled(self, word: str) -> str:
        """A name of `told` as it stands in the code: `$name` of configuration, `local@axis` of a size."""
        if word.startswith("$"):
            return self.numbers.argument(word[1:], self.numbers.plan.known[word[1:]], True)
        local, axis = word.split("@")
        return self.axis(local, int(axis))

    def axis(self, tensor: str, axis: int) -> str:
        """The size of an axis: a local that is read at the start, or asked where it is needed for a tensor made on the way."""
        if tensor not in self.arguments:
            return f"{tensor}.shape[{axis}]"
        found = self.axes.get((tensor, axis))
        if found is None:
            type = next(type for local, type in self.shapes if local == tensor)
            size = type.shape[axis]
            values = self.numbers.plan.holes.sizes(size)
            name = self.symbols.get(values) or (str(size) if isinstance(size, Dim) and str(size).isidentifier() else "")
            found = self.fresh(name or f"size_{axis}")
            self.axes[(tensor, axis)] = found
        return found

    def extra(self, values: Vector, name: str) -> str:
        """An argument of `forward` for a size that nothing else tells; an arch has no caller to ask."""
        plan = self.numbers.plan
        if plan.graphs[0].kind == "arch":
            raise Unexplained(name)
        hint = self.symbols.get(values) or (plan.holes.hints.get(name, "size") if name.startswith("?") else name)
        local = self.extras[values] = self.fresh(hint)
        plan.extras[hint if hint not in plan.extras else f"{hint}_{len(plan.extras)}"] = values
        return local

    def prelude(self) -> list[Statement]:
        """The lines that read sizes from shapes: `B, T, _ = x.shape`."""
        lines: list[Statement] = []
        by_tensor: dict[str, dict[int, str]] = {}
        for (tensor, axis), local in self.axes.items():
            by_tensor.setdefault(tensor, {})[axis] = local
        for tensor, axes in by_tensor.items():
            rank = next(type.rank for local, type in self.shapes if local == tensor)
            if len(axes) == 1 or rank > 5:
                lines += [Line((local,), f"{tensor}.shape[{axis}]", fixed=True) for axis, local in sorted(axes.items())]
                continue
            lines.append(Line(tuple(axes.get(axis, "_") for axis in range(rank)), f"{tensor}.shape", fixed=True))
        return lines


def hint_for(name: str) -> str:
    """The author's name of a value."""
    return stem_of(name)


__all__ = ["Function", "Size", "hint_for"]
