"""The `__init__` of a generated class: its members in the order of the `state_dict`, ties, and first values."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dtype import FLOAT
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Path
from archdsl.targets.torch.classes import Argument, Plan
from archdsl.targets.torch.constants import constant_code
from archdsl.targets.torch.in_place import in_place, overwriting
from archdsl.targets.torch.initial import init_call
from archdsl.targets.torch.literals import quote
from archdsl.targets.torch.members import Place, holder_name, is_attribute, reach, tree, typed_access
from archdsl.targets.torch.names import safe_name
from archdsl.targets.torch.scope import Numbers, constructor_tape
from archdsl.targets.torch.tape import DTYPES


class Constructor:
    """The statements of one `__init__`, and the classes of its containers."""

    def __init__(self, plan: Plan, plans: Mapping[int, Plan], numbers: Numbers, helpers: dict[str, None]) -> None:
        self.plan = plan
        self.plans = plans
        self.numbers = numbers
        self.helpers = helpers
        self.lines: list[str] = []
        self.doors: list[list[str]] = []
        """The checks of what the constructor is given."""
        self.items: list[str] = []
        """The steps, where the class is an `nn.Sequential`."""
        self.loop: list[str] = []
        """What draws the first values, for the arch's class."""
        self.last: list[str] = []
        """What lays the weights out in memory, for the arch's class."""
        self.arguments: list[Argument] = []
        """What the class of a container is given by its owner."""
        self.inner = False
        """Whether this is the class of a container: what reaches into instances is the owner's."""
        self.annotations: list[str] = []
        """`mask: Tensor`, for buffers."""
        self.holders: list[tuple[str, Constructor]] = []
        self.root = tree(plan.joined.members, plan.joined.containers)

    def run(self) -> None:
        """Fill `lines`."""
        if self.plan.container == "list":
            self.items = [listed([self.module(child) for child in self.root.children.values()])]
            for child in self.root.children.values():
                self.reached(child, reach("self", "list", child.path[0]))
        else:
            self.children(self.root, "self", "class")
        for alias, own in self.plan.joined.aliases.items():
            self.attach(alias, typed_access(self.plan, self.plans, own, "get_submodule"))
        for alias, own in self.plan.joined.ties.items():
            self.attach(alias, typed_access(self.plan, self.plans, own, "get_parameter"))

    def attach(self, path: Path, code: str) -> None:
        """Assign to a path, through containers and instances."""
        base = typed_access(self.plan, self.plans, path[:-1], "get_submodule") if len(path) > 1 else "self"
        self.assign(base, "class", path[-1], code)

    def assign(self, base: str, kind: str, label: str, code: str) -> None:
        if kind == "dict":
            self.lines.append(f"{base}[{quote(label)}] = {code}")
        elif is_attribute(label) and kind != "list":
            self.lines.append(f"{base}.{label} = {code}")
        else:
            self.lines.append(f"{base}.add_module({quote(label)}, {code})")

    def children(self, place: Place, base: str, kind: str) -> None:
        """Make the children of a place, and of the instances below it that are reached into."""
        for label, child in place.children.items():
            if isinstance(child.member, Parameter):
                self.parameter(base, label, child.member)
            else:
                self.assign(base, kind, child.attribute or label, self.module(child))
            if not self.inner:
                self.reached(child, reach(base, kind, label))

    def reached(self, place: Place, base: str) -> None:
        """Children that are added to an instance from outside."""
        if isinstance(place.member, (Call, Layer)):
            self.added(place, len(place.path), place.member.graph if isinstance(place.member, Call) else None)
            return
        for label, child in place.children.items():
            self.reached(child, reach(base, place.kind, label))

    def added(self, place: Place, start: int, graph: Graph | None) -> None:
        """What is below a place in an instance: containers that the instance has itself are passed through."""
        for label, child in place.children.items():
            inner = child.path[start:]
            has = graph is not None and any(path[: len(inner)] == inner for path in (*graph.members, *graph.containers))
            if child.member is None and has:
                own = graph.members.get(inner) if graph else None
                if isinstance(own, Call):
                    self.added(child, len(child.path), own.graph)
                else:
                    self.added(child, start, graph)
                continue
            base = typed_access(self.plan, self.plans, child.path[:-1], "get_submodule")
            if isinstance(child.member, Parameter):
                self.parameter(base, label, child.member)
            else:
                self.assign(base, "class", label, self.module(child))

    def module(self, place: Place) -> str:
        """The expression that makes a module."""
        if isinstance(place.member, Layer):
            return self.layer(place.member, place.path)
        if isinstance(place.member, Call):
            graph = place.member.graph
            return self.chain(graph, place.path) if graph.kind == "chain" else self.instance(place.path)
        items = [self.module(child) for child in place.children.values() if not isinstance(child.member, Parameter)]
        if place.kind == "list":
            return f"nn.ModuleList({listed(items)})"
        if place.kind == "dict":
            if len(items) > 2 and len(set(items)) == 1 and (stem := numbered_stem(list(place.children))) is not None:
                key = f"f{quote(stem)[:-1]}{{i}}{quote(stem)[-1]}" if stem else "str(i)"
                return f"nn.ModuleDict({{{key}: {items[0]} for i in range({len(items)})}})"
            pairs = ", ".join(f"{quote(label)}: {item}" for label, item in zip(place.children, items, strict=True))
            return f"nn.ModuleDict({{{pairs}}})" if pairs else "nn.ModuleDict()"
        name = safe_name(holder_name(self.plan, place.path), self.plan.taken)
        self.plan.taken.add(name)
        inner = Constructor(self.plan, self.plans, self.numbers, self.helpers)
        inner.inner = True
        start = len(self.numbers.asked)
        inner.children(Place((), None, place.children), "self", "class")
        inner.arguments = list({one.name: one for one in self.numbers.asked[start:]}.values())
        self.holders.append((name, inner))
        self.holders.extend(inner.holders)
        return f"{name}({', '.join(one.name for one in inner.arguments)})"

    def layer(self, member: Layer, path: Path) -> str:
        hint = "_".join(part for part in path if not part.isdigit())
        made = str(member.op.module(constructor_tape(self.numbers, self.helpers, hint or "size")))
        own = [one for one in member.parameters().values() if one.dtype == member.float]
        return made if member.float == FLOAT or not own else f"{made}.to({DTYPES[member.float]})"

    def chain(self, graph: Graph, path: Path) -> str:
        """`nn.Sequential(…)`."""
        return f"nn.Sequential({', '.join(self.chain_items(graph, path))})"

    def chain_items(self, graph: Graph, path: Path) -> list[str]:
        """The layers of a chain, and its functions as modules."""
        places = tree(graph.members).children
        overwritten = overwriting(graph)
        items = []
        for node in graph.nodes:
            if node.op is not None:
                made = str(node.op.module(constructor_tape(self.numbers, self.helpers, "size")))
                items.append(in_place(made) if id(node) in overwritten else made)
            elif node.member is not None:
                child = places[node.member[0]]
                items.append(self.module(Place((*path, *child.path), child.member, child.children)))
        return runs(items)

    def instance(self, path: Path) -> str:
        """`Bottleneck(256, 64, stride=2)`: what each argument is in each specialisation of this class."""
        graphs = self.plan.calls[path]
        callee = self.plans[id(graphs[0])]
        said: list[str] = []
        tape = constructor_tape(self.numbers, self.helpers, "size")
        for index, (name, argument) in enumerate(callee.arguments.items()):
            values = tuple(argument.values[callee.at(graph)] for graph in graphs)
            code = tape.plain(self.plan.holes.join(values, name))
            said.append(code if index < 2 else f"{argument.name}={code}")
        return f"{callee.name}({', '.join(said)})"

    def parameter(self, base: str, label: str, member: Parameter) -> None:
        """`param` or `buffer`."""
        code = self.tensor(member, label)
        if not member.buffer:
            if is_attribute(label):
                self.lines.append(f"{base}.{label} = nn.Parameter({code})")
            else:
                self.lines.append(f"{base}.register_parameter({quote(label)}, nn.Parameter({code}))")
            return
        if is_attribute(label) and base == "self":
            self.annotations.append(f"{label}: Tensor")
        last = "" if member.persistent else ", persistent=False"
        self.lines.append(f"{base}.register_buffer({quote(label)}, {code}{last})")

    def tensor(self, member: Parameter, label: str) -> str:
        """The first value of a tensor; random ones are made empty here and drawn later."""
        type, init = member.value.type, member.init
        tape = constructor_tape(self.numbers, self.helpers, label)
        shape = [tape.plain(size) for size in type.shape]
        dtype = "" if type.dtype == "float" else f", dtype={DTYPES[type.dtype]}"
        size = ", ".join(shape) if len(shape) > 1 or (shape and not dtype) else (shape[0] if shape else "()")
        if init.graph is not None:
            return constant_code(init.graph, type, tape)
        if init.name in ("zeros", "ones"):
            return f"torch.{init.name}({size}{dtype})"
        if init.name in ("constant", "full"):
            value = dict(init.args).get("value", dict(init.args).get("val", 0))
            text = tape.plain(value)
            inner = f"({size},)" if len(shape) == 1 else f"({size})" if shape else "()"
            plain = f", dtype={'torch.get_default_dtype()' if type.dtype == 'float' else DTYPES[type.dtype]}"
            return f"torch.full({inner}, {text}{plain})"
        empty = f"torch.empty({size}{dtype})"
        return init_call(init, empty)


def numbered_stem(labels: list[str]) -> str | None:
    """`layer_` for `layer_0`, `layer_1`, …; None where the labels are others."""
    stem = labels[0].removesuffix("0")
    plain = all(letter.isalnum() or letter in "_-" for letter in stem)
    return stem if plain and labels == [f"{stem}{index}" for index in range(len(labels))] else None


def listed(items: list[str]) -> str:
    """The modules of an `nn.ModuleList`."""
    if len(set(items)) == 1 and len(items) > 1:
        return f"{items[0]} for _ in range({len(items)})"
    return f"[{', '.join(runs(items))}]"


def runs(items: list[str]) -> list[str]:
    """Two or more equal neighbours as `*(… for _ in range(n))`."""
    out: list[str] = []
    at = 0
    while at < len(items):
        end = at
        while end < len(items) and items[end] == items[at]:
            end += 1
        if end - at > 2 or (end - at > 1 and len(items[at]) > 12):
            out.append(f"*({items[at]} for _ in range({end - at}))")
        else:
            out += items[at:end]
        at = end
    return out
