"""A hypothesis strategy for well-typed programs: the generator knows the type of what flows, and writes only steps that fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st


@dataclass
class Writer:
    """A program being written; `shape` is of what flows: `None` is the symbolic first axis, the others are numbers."""

    draw: st.DrawFn
    shape: tuple[int, ...]
    blocks: list[str] = field(default_factory=list)
    count: int = 0

    def name(self, start: str) -> str:
        self.count += 1
        return f"{start}{self.count}"

    def pick(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    def size(self) -> int:
        return self.draw(st.sampled_from([1, 2, 3, 4, 6]))

    def keeping(self, depth: int) -> str:
        """A step that keeps the type."""
        kinds = ["tanh", "sigmoid", "it * 2 + 1", "linear", "norm", "softmax", "dropout", "flip", "exp", "clamp"]
        if depth:
            kinds += ["skip", "repeat", "group", "branch", "choice", "block", "template", "shared", "param", "labelled"]
        match self.pick(*kinds):
            case "linear":
                return f"{self.name('fc')}: Linear({self.shape[-1]}, bias={self.pick('true', 'false')})"
            case "norm":
                return f"{self.name('norm')}: LayerNorm"
            case "softmax":
                return "softmax(axis=-1)"
            case "dropout":
                return "Dropout(0.1)"
            case "flip":
                return "it[..., none] -> squeeze(-1)"
            case "clamp":
                return "minimum(it, 2)"
            case "skip":
                return f"skip({self.pick('add', 'mul', 'add, when=false')}) {self.body(depth)}"
            case "repeat":
                return f"{self.name('r')}: repeat i in 0..{self.draw(st.integers(0, 3))} {self.body(depth)}"
            case "group":
                return self.body(depth)
            case "labelled":
                return f"{self.name('g')}: {self.body(depth)}"
            case "branch":
                return f"branch({self.pick('add', 'maximum')}) {{ {self.label(depth)}; {self.label(depth)} }}"
            case "choice":
                return f"if {self.pick('1 < 2', '2 in [1]', 'not false')} {self.body(depth)} else {self.body(depth)}"
            case "block":
                made = self.name("Block")
                dims = ", ".join(["N", *(f"D{i}" for i in range(1, len(self.shape) + 1))])
                self.blocks.append(f"block {made}(x: [{dims}]) -> [{dims}] {self.body(depth)}")
                return f"{self.name('b')}: {made}"
            case "template":
                made = self.name("Holder")
                self.blocks.append(f"block {made}(f: layer) {{ skip {{ a: f; b: f }} }}")
                return f"{self.name('t')}: {made}({self.pick('tanh', self.body(0), f'Linear({self.shape[-1]})')})"
            case "shared":
                made = self.name("s")
                return f"{{ shared {made} = {self.name('sf')}: Linear({self.shape[-1]})\n{made}\ntanh\n{made} }}"
            case "param":
                made = self.name("p")
                return f"{{ param {made}: [{self.shape[-1]}] = {self.pick('zeros', 'ones', 'normal(std=0.5)')}\nit + {made} }}"
            case step:
                return step

    def label(self, depth: int) -> str:
        return f"{self.name('k')}: {{ {self.keeping(depth - 1)} }}"

    def body(self, depth: int) -> str:
        """Braces that keep the type."""
        steps = [self.keeping(max(depth - 1, 0)) for _ in range(self.draw(st.integers(1, 3)))]
        return "{ " + "\n".join(steps) + " }"

    def changing(self) -> str:
        """A step that changes the type."""
        kind = self.pick("linear", "concat", "unsqueeze", "mean", "transpose", "named")
        if kind == "linear":
            self.shape = (*self.shape[:-1], self.size())
            return f"{self.name('fc')}: Linear({self.shape[-1]})"
        if kind == "concat":
            self.shape = (*self.shape[:-1], 2 * self.shape[-1])
            return "concat(it, it, axis=-1)"
        if kind == "unsqueeze" and len(self.shape) < 3:
            self.shape = (*self.shape, 1)
            return "it[..., none]"
        if kind == "mean" and len(self.shape) > 1:
            self.shape = (self.shape[0], *self.shape[2:])
            return "mean(axis=2)"
        if kind == "transpose" and len(self.shape) > 1:
            self.shape = (self.shape[1], self.shape[0], *self.shape[2:])
            return "transpose(1, 2)"
        made = self.name("y")
        return f"{made} = tanh\nit * {made}"


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """A program, and the shapes of its input and its output without the symbolic first axis."""
    start = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3)))
    writer = Writer(draw, start)
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        lines.append(writer.keeping(2) if draw(st.booleans()) else writer.changing())
    dims = ", ".join(map(str, ("N", *start)))
    ends = ", ".join(map(str, ("N", *writer.shape)))
    text = "\n".join([*writer.blocks, f"arch Net(x: [{dims}]) -> y: [{ends}] {{", *lines, "}", ""])
    return text, start, writer.shape
