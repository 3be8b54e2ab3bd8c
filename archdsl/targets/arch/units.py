"""One graph as a block or an arch: its header, its declarations and its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archdsl.dims.dim import Dim, Size, symbol
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Door, Graph, Layer, Parameter
from archdsl.ir.node import Node, Path
from archdsl.records import record
from archdsl.targets.arch.constants import Items, constant_text
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.handing import Handed
from archdsl.targets.arch.labels import Labels
from archdsl.targets.arch.naming import Names, base_of, is_word
from archdsl.targets.arch.settings import Settings, initializer_text
from archdsl.targets.arch.sharing import applications, declared, is_stateful
from archdsl.targets.arch.sizes import Sizes
from archdsl.targets.arch.structure import Structure
from archdsl.targets.arch.words import configuration, inferred, label_text, quoted
from archdsl.targets.arch.writing import Place, Writer


@record
class Written:
    """A block that is written: its name, and the symbols that a call must give it as configuration."""

    name: str
    symbols: tuple[tuple[str, str], ...] = ()
    layers: tuple[tuple[str, str], ...] = ()
    """The layers that a call hands in, and their names in the header."""


Blocks = Callable[[Graph], Written]


class Unit:
    """Writes one graph. `blocks` tells how the blocks that it calls are called."""

    def __init__(
        self,
        graph: Graph,
        top: Graph,
        settings: Settings,
        blocks: Blocks,
        handed: Handed,
        functions: Items,
        alike: Sequence[Graph] = (),
    ) -> None:
        self.graph = graph
        self.top = top
        self.settings = settings
        self.blocks = blocks
        self.handed = handed
        self.functions = functions
        self.alike = alike
        self.axes: dict[tuple[int, int], str] = {}
        """Names of input sizes that are numbers, in which the specialisations of a shared block differ."""
        self.open: dict[tuple[int, int], str] = {}
        """The author's names of other input sizes that are numbers."""
        self.plain = ""
        self.sizes = Sizes(top.facts)
        self.values: dict[str, str] = {}
        self.chosen = declared(graph, self._named())
        self.shared: dict[Path, str] = {}
        self.names = Names(())
        self.inputs = [one for one in graph.inputs if one.value is not None]

    def _named(self) -> list[Path]:
        """Members that something beside their application names."""
        found = list(self.handed.calls.values())
        for target in self.graph.ties.values():
            found += [target[:end] for end in range(len(target), 0, -1) if target[:end] in self.graph.members][:1]
        return found

    def text(self, word: str, name: str, end: Sequence[str] = ()) -> str:
        """The whole item, with lines at its end, the sizes of its inputs named as the author did: equal texts are one block.

        After it, `plain` is the same with their numbers, and `sizes.missing` is the configuration that the header asks for.
        """
        self._bind_sizes()
        required = [one for size in self._required() for one in sorted(size.symbols)]
        self.names = Names([*self.sizes.names.values(), *self.axes.values(), *self.open.values(), *required, name])
        for layer in self.handed.layers:
            self.shared["", layer] = self.names.give(layer)
        for one in self.inputs:
            assert one.value is not None  # noqa: S101
            self.values[one.value.name] = self.names.give(one.value.name if not is_word(one.name) else one.name)
        opening = self._opening()
        nodes = [node for node in self.graph.nodes if not node.leaf]
        for node in self.graph.nodes:
            if node.leaf and node.member is not None:
                self.values[node.results[0].name] = f"{self.shared[node.member]}.{node.leaf}"
        structure = Structure(nodes, [one.value for one in self.graph.outputs], self.container)
        flow = self.inputs[0].value if self.inputs else None
        results = tuple(one.value for one in self.graph.outputs)
        body = structure.body(0, len(nodes), (), flow, results)
        first = self._writer(None)
        first.body(body, Place(flow))
        lines = [*opening, *map(str, self._writer(first.asked).body(body, Place(flow))), *end]
        doc = "".join(f"## {line}".rstrip() + "\n" for line in self.graph.doc.splitlines())
        rest = " {\n" + "\n".join(lines) + "\n}\n"
        self.plain = f"{doc}{self._header(word, name, self.axes)}{rest}"
        return f"{doc}{self._header(word, name, {**self.open, **self.axes})}{rest}"

    def _writer(self, named: dict[int, set[str]] | None) -> Writer:
        fixed = [path for path, member in self.graph.members.items() if path in self.shared or is_stateful(member)]
        made = Writer(self.graph, self.graph, self, self.sizes.text, Labels(fixed), self.names, {}, named)
        made.known.update(self.values)
        return made

    # What a writer asks.

    def declared(self, path: Path) -> str | None:
        return self.shared.get(path)

    def layer(self, path: Path) -> tuple[str, list[str]]:
        member = self.graph.members[path]
        if isinstance(member, Call):
            written = self.blocks(member.graph)
            given = [f"{name}={self.sizes.text(_symbol(symbol))}" for symbol, name in written.symbols]
            lent = {inner: self.shared[source] for (called, inner), source in self.handed.calls.items() if called == path}
            given += [f"{name}={lent[inner]}" for inner, name in written.layers]
            return f"{written.name}({', '.join(given)})" if given else written.name, []
        assert isinstance(member, Layer)  # noqa: S101
        own, around = self.settings.at(self.graph, member)
        given = configuration(member.op, self.sizes.text, settled=self._is_settled(path, member))
        given += [f"init={own}"] if own is not None else []
        given += self._ties_of(path, member)
        return f"{member.op.name}({', '.join(given)})" if given else member.op.name, around

    def _is_settled(self, path: Path, member: Layer) -> bool:
        """Whether a layer says its own sizes: no step tells them."""
        told = False
        for one in applications(self.graph.nodes):
            if one.member == path and not one.leaf:
                given = [None if operand is None else operand.type for operand in one.operands]
                told = inferred(member.op, given, [value.type for value in one.results], self.graph.facts)
        return not told

    def _ties_of(self, path: Path, member: Layer) -> list[str]:
        said = []
        for leaf in member.op.parameters():
            here = (*path, *leaf.split("."))
            target = self.graph.ties.get(here)
            if target is None and here not in self.handed.ties:
                continue
            if "." in leaf:
                raise Unsayable(f"the tensor `{leaf}` of {member.op.name} is another one, and no argument has its name")
            said.append(f"{leaf}={self._tensor(target) if target is not None else self._given(*self.handed.ties[here])}")
        return said

    def _given(self, owner: Path, leaf: str) -> str:
        """A tensor of the callers."""
        return f"{self.shared[owner]}.{leaf}" if leaf else self.values[owner[2]]

    def _tensor(self, path: Path) -> str:
        """A tensor of this graph by its path."""
        member = self.graph.members.get(path)
        if isinstance(member, Parameter):
            return self.values[member.value.name]
        for end in range(len(path) - 1, 0, -1):
            name = self.shared.get(path[:end])
            if name is not None:
                return f"{name}.{'.'.join(path[end:])}"
        raise Unsayable(f"the tensor {'.'.join(path)} is shared out of a block")

    def written(self, name: str) -> Written:
        """How the block is called, once its text is made."""
        layers = tuple((one, self.shared["", one]) for one in self.handed.layers)
        return Written(name, tuple(self.sizes.missing.items()), layers)

    # Parts.

    def container(self, node: Node) -> Path:
        if node.member is not None and node.member not in self.shared and not node.leaf:
            path = node.member[:-1]
        else:
            path = node.path
            if path and path not in self.graph.containers and path[-1].isdigit():
                path = path[:-1]
        holder = next((end for end in range(1, len(path) + 1) if path[:end] in self.graph.members), None)
        return path if holder is None else path[: holder - 1]

    def _bind_sizes(self) -> None:
        """Header names for the symbolic sizes of the inputs: the author's, where the configuration has them. A size in which the
        specialisations of one shared block differ has a name too, also where it is a number, and the same in all of them."""
        first = self.alike[0] if self.alike else self.graph
        wanted: dict[Size, str] = {value: name for name, value in reversed(first.config) if isinstance(value, Dim)}
        taken: set[str] = set()
        values = (value.name for node in self.graph.nodes for value in node.results)
        used = {base_of(one) for one in (*values, *(value.name for value in self.graph.input_values), *self.handed.layers)}
        used |= {path[-1] for path in self.chosen}
        for at, one in enumerate(self.graph.input_values):
            for axis, size in enumerate(one.type.shape):
                if self.graph.kind == "arch":
                    for name in sorted(size.symbols) if isinstance(size, Dim) else ():
                        self.sizes.bind(symbol(name), name)
                    continue
                differs = any(other.input_values[at].type.shape[axis] != size for other in self.alike)
                called = _authors(self.graph, size)
                told = first.input_values[at].type.shape[axis]
                base = wanted.get(told) or _authors(first, told) or _letter(told)
                if not isinstance(size, Dim) and not differs:
                    if called is not None and called not in taken | used and self.open.get((at, axis), called) == called:
                        self.open[at, axis] = called
                    continue
                name, count = base, 0
                while name in taken and self.sizes.names.get(size) != name:
                    count += 1
                    name = f"{base}{count}"
                taken.add(name)
                if isinstance(size, Dim):
                    self.sizes.bind(size, name)
                else:
                    self.axes[at, axis] = name
        self.open = {at: name for at, name in self.open.items() if name not in taken}

    def _header(self, word: str, name: str, axes: Mapping[tuple[int, int], str]) -> str:
        config = [f"{given}: int" for given in self.sizes.missing.values()]
        config += [f"{self.shared['', one]}: layer" for one in self.handed.layers]
        tensors = []
        for at, one in enumerate(self.graph.input_values):
            sizes = [axes.get((at, axis)) or self._input_size(size) for axis, size in enumerate(one.type.shape)]
            tensors.append(f"{self.values[one.name]}: {_dtype(one.type)}[{', '.join(sizes)}]")
        outs = []
        for at, out in enumerate(self.graph.outputs):
            head = f"{out.name}: " if out.name is not None and self.graph is self.top else ""
            outs.append(f"{head}{self._result(out.value.type, axes, at)}{' when training' if out.training else ''}")
        lists = f"({', '.join(config)})" if config else ""
        return f"{word} {name}{lists}({', '.join(tensors)}) -> {', '.join(outs)}"

    def _input_size(self, size: Size) -> str:
        """A size of an input; one that a requirement makes a number keeps the name that the requirement has."""
        return str(size) if size in self._required() else self._size(size, False)

    def _required(self) -> list[Dim]:
        """The sizes of inputs that are numbers by a requirement."""
        sizes = [size for one in self.graph.input_values for size in one.type.shape if isinstance(size, Dim)]
        return [size for size in sizes if self.graph.doors and isinstance(self.sizes.facts.simplify(size), int)]

    def _type(self, type: TensorType, loose: bool = False) -> str:
        return f"{_dtype(type)}[{', '.join(self._size(one, loose) for one in type.shape)}]"

    def _result(self, type: TensorType, axes: Mapping[tuple[int, int], str], at: int) -> str:
        """The type of a result: where sizes of inputs are named, a number is a name, or may be another one."""
        known = {self.graph.input_values[at].type.shape[axis]: name for (at, axis), name in self.open.items()} if axes else {}
        sizes = []
        for axis, size in enumerate(type.shape):
            alike = {one.outputs[at].value.type.shape[axis] for one in self.alike}
            if len(alike) > 1 and any(isinstance(one, int) for one in alike):
                sizes.append("_")
            elif isinstance(size, Dim) or not axes or len(alike) == 1:
                sizes.append(known.get(size) or self._size(size, True))
            else:
                sizes.append(known.get(size, "_"))
        return f"{_dtype(type)}[{', '.join(sizes)}]"

    def _size(self, size: Size, loose: bool) -> str:
        return "_" if loose and not self.sizes.known(size) else self.sizes.text(size)

    def _opening(self) -> list[str]:
        """Requirements, `init`s, parameters and declared layers."""
        lines = [_requirement(one) for one in self.graph.doors if not _is_size(one)]
        lines += self.settings.of(self.graph, self.graph is self.top)
        for path in self.chosen:
            member = self.graph.members[path]
            name = self.names.give(path[-1])
            at = "" if path == (name,) else f" = {label_text(path)}"
            if isinstance(member, Parameter):
                self.values[member.value.name] = name
                kind = "param" if not member.buffer else "buffer" if member.persistent else "buffer(persistent=false)"
                lines.append(f"{kind} {name}{at}: {self._type(member.value.type)} = {self._first(member, name)}")
                continue
            text, around = self.layer(path)
            label = "" if path == (name,) else f"{label_text(path)}: "
            after = self.settings.declared(self.graph, around)
            lines += [*around, f"shared {name} = {label}{text}", *after]
            self.shared[path] = name
        for alias, path in self.graph.aliases.items():
            lines.append(f"shared {self.names.give(alias[-1])} = {label_text(alias)}: {self.shared[path]}")
        return lines

    def _first(self, member: Parameter, name: str) -> str:
        """What stands right of `=`: an initializer, a number, or the constant's expression."""
        if member.init.graph is None:
            return initializer_text(member.init)
        return constant_text(member.init.graph, name, self._constant_writer, self.functions)

    def _constant_writer(self, graph: Graph, names: Names, named: dict[int, set[str]] | None) -> Writer:
        return Writer(graph, graph, self, self.sizes.text, Labels(()), names, {}, named)


def _requirement(door: Door) -> str:
    """`require T <= 1024, "why"`."""
    said = f"{door.left} {door.op} {door.right}"
    if door.op == "%":
        left = door.left if isinstance(door.left, int) or str(door.left).isidentifier() else f"({door.left})"
        right = door.right if isinstance(door.right, int) or str(door.right).isidentifier() else f"({door.right})"
        said = f"{left} % {right} == 0"
    usual = f"{door.left} % {door.right} == 0" if door.op == "%" else said
    if door.message == usual or "{" in door.message or "}" in door.message:
        return f"require {said}"
    return f"require {said}, {quoted(door.message)}"


def _dtype(type: TensorType) -> str:
    return "" if type.dtype == "float" else type.dtype


def _authors(graph: Graph, size: Size) -> str | None:
    """What the author's header calls a size that is a number."""
    called = [name for name, value in graph.config if value == size and name not in graph.parameters]
    return called[0] if called and type(size) is int else None


def _letter(size: Size) -> str:
    """What to call a size without a name: as the one symbol that it depends on."""
    return next(iter(size.symbols)) if isinstance(size, Dim) and len(size.symbols) == 1 else "S"


def _symbol(name: str) -> Dim:
    return symbol(name)


def _is_size(door: Door) -> bool:
    """Whether a door asks that a size is at least 1, which every program asks by itself."""
    return door.left == 1 and door.op == "<=" and door.message == f"the size {door.right} must be at least 1"
