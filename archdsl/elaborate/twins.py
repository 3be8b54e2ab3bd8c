"""A number that a block only hands on to its operators, as in `DropPath(p)`, decides nothing else: for another number, only those
steps are made again. So stochastic depth, which gives each block its own `p`, costs little more than one `p` for all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from archdsl.elaborate import lookup
from archdsl.elaborate.program import Module
from archdsl.elaborate.session import Session
from archdsl.elaborate.unit import Made
from archdsl.elaborate.values import BlockWord, OpWord, key_of
from archdsl.ir.graph import Layer
from archdsl.ir.node import Node
from archdsl.ops.contract import INFERRED, Context, Op, OpFault
from archdsl.records import changed
from archdsl.source import Span
from archdsl.syntax import tree

PLAIN = (tree.Flow, tree.Let, tree.Assign, tree.Require, tree.Param, tree.Buffer)
"""Statements whose steps all stand in the block's own graph."""

Places = Mapping[str, frozenset[Span]]
Config = tuple[tuple[str, Any], ...]


def handed_on(module: Module, item: tree.Block | tree.Arch) -> Places:
    """The fractional parameters whose word stands nowhere in a block but as an argument of steps that are operators, and those
    steps."""
    parameters, _ = module.lists(item)
    places: dict[str, list[tree.Call]] = {
        one.name: [] for one in parameters if isinstance(one.type, tree.NamedType) and one.type.name == "float"
    }
    if not places:
        return {}
    mentions = Counter(places.keys())
    called: Counter[str] = Counter()
    inside: set[int] = set()
    for one in item.walk():
        if isinstance(one, tree.Body) and not all(isinstance(statement, PLAIN) for statement in one.statements):
            return {}
        if isinstance(one, tree.Arg) and not isinstance(one.value, tree.Name):
            inside.update(id(below) for below in one.value.walk())
        if isinstance(one, tree.Step) and isinstance(one.term, tree.Call) and isinstance(one.term.function, tree.Name):
            called[one.term.function.name] += 1
            for given in one.term.args:
                if isinstance(given.value, tree.Name) and given.value.name in places and id(one) not in inside:
                    mentions[given.value.name] += 1 + (given.name == given.value.name)
                    places[given.value.name].append(one.term)
    words = Counter(re.findall(r"\w+", item.span.text))

    def an_operator(callee: tree.Expr) -> bool:
        """Whether a step calls the built-in word, and no name of the file's or the block's."""
        name = callee.name if isinstance(callee, tree.Name) else ""
        return isinstance(lookup.builtin(name), OpWord) and name not in module.names() and words[name] == called[name]

    return {
        name: frozenset(one.span for one in steps)
        for name, steps in places.items()
        if words[name] == mentions[name] and all(an_operator(one.function) for one in steps)
    }


class Family:
    """What a block is made into for one choice of all that is not handed on."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.made: Made | None = None
        self.config: dict[str, Any] = {}

    def found(self, made: Made, config: Config) -> None:
        """The first of the family, elaborated without a problem."""
        self.made, self.config = made, dict(config)

    def another(self, session: Session, config: Config) -> Made | None:
        """The block for other numbers; None where it must be elaborated."""
        if self.made is None:
            return None
        given = dict(config)
        if any(given[name].__class__ is not float for name in self.places):
            return None
        graph = self.made.graph
        context = session.context(graph.facts)
        members = dict(graph.members)
        nodes: list[Node] = []
        for node in graph.nodes:
            layer = members.get(node.member) if node.member is not None else None
            op = layer.op if isinstance(layer, Layer) else node.op
            if node.bodies or node.lent or node.graph is not None:
                return None
            if op is not None:
                fresh = _another(op, node, context, self.places, self.config, given)
                if fresh is None:
                    return None
                if fresh is not op and isinstance(layer, Layer):
                    members[node.member or ()] = changed(layer, op=fresh)
                elif fresh is not op:
                    node = changed(node, op=fresh)
            nodes.append(node)
        known = tuple([(name, given[name] if name in self.places else value) for name, value in graph.config])
        return changed(self.made, graph=changed(graph, nodes=tuple(nodes), members=members, config=known))


def family(session: Session, callee: BlockWord, key: tuple[object, ...], config: Config) -> Family | None:
    """The family of a block with this key in the memo, whose second part is the configuration; None if nothing is handed on."""
    places = callee.module.handed.get(id(callee.item))
    if places is None:
        places = callee.module.handed[id(callee.item)] = handed_on(callee.module, callee.item)
    if not places:
        return None
    rest = tuple([one for one in config if one[0] not in places])
    what = key[0], key_of(rest), *key[2:]
    known = session.families.get(what)
    if known is None:
        known = session.families[what] = Family(places)
    return known


def _another(
    op: Op, node: Node, context: Context, places: Places, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Op | None:
    """An operator of the graph with the other numbers; None where it cannot be told which argument a number is, or it decides
    more than itself."""
    new: dict[str, float] = {}
    for name, steps in places.items():
        fields = [field for field, value in op.items() if value.__class__ is float and value == before[name]]
        if (node.span in steps) != (len(fields) == 1) or len(fields) > 1:
            return None
        new.update((field, after[name]) for field in fields)
    if not new:
        return op
    if any(field.default is INFERRED for field in op.fields.values()):
        return None
    types = [None if one is None else one.type for one in node.operands]
    try:
        fresh = op.changed(**new).bind(context, *types)
        results = fresh.infer(context, *types)
    except OpFault:  # the problem is the elaborator's to tell
        return None
    return fresh if results == tuple(one.type for one in node.results) else None
