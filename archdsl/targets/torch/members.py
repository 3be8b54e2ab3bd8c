"""The tree of a class's members: where each stands as an attribute, and how it is constructed."""

from __future__ import annotations

import itertools
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from archdsl.ir.graph import Call, Graph, Layer, Member, Parameter
from archdsl.ir.node import Path
from archdsl.targets.torch.classes import Plan, camel
from archdsl.targets.torch.literals import quote


@dataclass(eq=False)
class Place:
    """A member, or a container of members without a graph of its own."""

    path: Path
    member: Member | None = None
    children: dict[str, Place] = field(default_factory=dict)
    attribute: str = ""
    """What it is called in the class where its label is a number and it has no tensors, so that no key tells."""

    @property
    def kind(self) -> str:
        """`layer`, `instance`, `parameter`, `chain`; a container is `list`, `dict` or `holder`."""
        if isinstance(self.member, Parameter):
            return "parameter"
        if isinstance(self.member, Layer):
            return "layer"
        if isinstance(self.member, Call):
            return "chain" if self.member.graph.kind == "chain" else "instance"
        modules = all(one.kind != "parameter" for one in self.children.values())
        if self.children and modules and list(self.children) == [str(index) for index in range(len(self.children))]:
            return "list"
        flat = all(one.kind in ("layer", "instance", "chain") and not one.children for one in self.children.values())
        return "dict" if flat and all(fits_dict(label) for label in self.children) else "holder"


def tree(members: Mapping[Path, Member], containers: tuple[Path, ...] = ()) -> Place:
    """The members by their labels."""
    root = Place(())
    paths = sorted(members, key=lambda path: 0) + [path for path in containers if path not in members]
    for path in paths:
        here = root
        for end in range(1, len(path) + 1):
            here = here.children.setdefault(path[end - 1], Place(path[:end]))
        here.member = members.get(path)
    for label, child in root.children.items():
        if label.isdigit() and isinstance(child.member, Layer) and not child.member.op.parameters() and not child.children:
            stem = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", child.member.op.name).lower()
            trials = (stem if count == 1 else f"{stem}_{count}" for count in itertools.count(1))
            taken = {*root.children, *(one.attribute for one in root.children.values())}
            child.attribute = next(one for one in trials if one not in taken)
    return root


@cache
def module_attributes() -> frozenset[str]:
    """The names that `torch.nn.ModuleDict` owns."""
    from torch import nn

    return frozenset(dir(nn.ModuleDict())) | {"_modules", "_parameters", "_buffers"}


def fits_dict(label: str) -> bool:
    """Whether `nn.ModuleDict` takes it as a key."""
    return label not in module_attributes() and "." not in label and label != ""


def is_attribute(label: str) -> bool:
    """Whether `self.LABEL` means what it says inside a class: an identifier, no keyword, not mangled."""
    return label.isidentifier() and label.isascii() and not keyword.iskeyword(label) and not label.startswith("__")


def reach(base: str, kind: str, label: str, attribute: str = "") -> str:
    """The expression for a child of `base`."""
    if attribute and kind == "class":
        return f"{base}.{attribute}"
    if kind in ("list", "chain") and label.isdigit():
        return f"{base}[{label}]"
    if kind == "dict":
        return f"{base}[{quote(label)}]"
    return f"{base}.{label}" if is_attribute(label) else f"getattr({base}, {quote(label)})"


def access(plan: Plan, plans: Mapping[int, Plan], path: Path, base: str = "self") -> str:
    """The expression for a member, a tensor of a member, or what is deeper in an instance."""
    root = tree(plan.owner.members, plan.owner.containers)
    return _access(root, plan, plans, path, base, plan.container)


def typed_access(plan: Plan, plans: Mapping[int, Plan], path: Path, getter: str) -> str:
    """The expression for a member or tensor, as one that a type checker knows where the way goes through lists."""
    text = access(plan, plans, path)
    known = "[" not in text and "getattr" not in text and is_declared(plan, plans, path)
    return text if known else f"self.{getter}({quote('.'.join(path))})"


def callable_access(plan: Plan, plans: Mapping[int, Plan], path: Path) -> str:
    """The expression for a module to call: an index is the end of it, or else the whole way is looked up."""
    text = access(plan, plans, path)
    known = "]." not in text and "][" not in text and is_declared(plan, plans, path)
    return text if known else f"self.get_submodule({quote('.'.join(path))})"


def is_declared(plan: Plan, plans: Mapping[int, Plan], path: Path) -> bool:
    """Whether each class on the way makes the next itself: what a label adds to an instance from outside no class tells of."""
    here = tree(plan.owner.members, plan.owner.containers)
    for at, label in enumerate(path):
        child = here.children.get(label)
        if child is None:
            return isinstance(here.member, Layer)  # past a layer stands the name of its tensor
        here = child
        if isinstance(child.member, Call) and at + 1 < len(path):
            graph = child.member.graph
            made = graph if graph.kind == "chain" else plans[id(graph)].joined
            here = tree(made.members, made.containers)
    return True


def _access(here: Place, plan: Plan, plans: Mapping[int, Plan], path: Path, text: str, kind: str) -> str:
    for at, label in enumerate(path):
        child = here.children.get(label)
        text = reach(text, kind, label, child.attribute if child is not None else "")
        if child is None:
            # Past a layer stands the name of its tensor; past an instance its own tree goes on.
            return _access(Place(()), plan, plans, path[at + 1 :], text, "class")
        if isinstance(child.member, Call) and at + 1 < len(path):
            return _inside(child.member.graph, plan, plans, path[at + 1 :], text)
        here, kind = child, child.kind
    return text


def _inside(graph: Graph, plan: Plan, plans: Mapping[int, Plan], path: Path, text: str) -> str:
    if graph.kind == "chain":
        return _access(tree(graph.members, graph.containers), plan, plans, path, text, "chain")
    inner = plans[id(graph)]
    return _access(tree(inner.joined.members, inner.joined.containers), inner, plans, path, text, inner.container)


def holder_name(plan: Plan, path: Path) -> str:
    """The class of a container that holds tensors, or labels that a `ModuleDict` refuses."""
    return plan.name + "".join(camel(label) for label in path)
