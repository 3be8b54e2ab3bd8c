"""Short ways to parse a text, an expression, a body."""

from __future__ import annotations

from pathlib import Path

from archdsl.problems.collector import Problems
from archdsl.problems.problem import Problem
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.parse import parse

EXAMPLES = sorted((Path(__file__).parent.parent / "data" / "examples").glob("*.arch"))


def read(text: str) -> tuple[tree.File, tuple[Problem, ...]]:
    """The tree and the problems of a text."""
    problems = Problems()
    file = parse(Source("test.arch", text), problems)
    return file, problems.sorted()


def read_well(text: str) -> tree.File:
    """The tree of a text without a problem."""
    file, problems = read(text)
    assert not problems, [(problem.at.line, problem.message()) for problem in problems]
    return file


def codes(text: str) -> list[str]:
    """The codes of a text's problems, by place."""
    return [problem.code for problem in read(text)[1]]


def expression(text: str) -> tree.Expr:
    """An expression's tree."""
    (item,) = read_well(f"let x = {text}").items
    assert isinstance(item, tree.Let)
    return item.value


def statements(text: str) -> tuple[tree.Statement, ...]:
    """The statements of a body."""
    (item,) = read_well("block B(x: [N]) {\n" + text + "\n}").items
    assert isinstance(item, tree.Block)
    return item.body.statements


def shape(node: object) -> str:
    """A tree in one line, operators as calls: `+(a, *(b, c))`."""
    match node:
        case tree.Name(name=name):
            return name
        case tree.Int(value=value) | tree.Float(value=value):
            return repr(value)
        case tree.Str(value=value):
            return repr(value)
        case tree.Bool(value=value):
            return str(value).lower()
        case tree.Nothing():
            return "none"
        case tree.It():
            return "it"
        case tree.Training():
            return "training"
        case tree.Paren(value=value):
            return f"({shape(value)})"
        case tree.Tuple(items=items):
            return f"tuple({', '.join(map(shape, items))})"
        case tree.List(items=items):
            return f"[{', '.join(map(shape, items))}]"
        case tree.Arg(name=name, value=value):
            return shape(value) if name is None else f"{name}={shape(value)}"
        case tree.Call(function=function, args=args):
            return f"{shape(function)}({', '.join(map(shape, args))})"
        case tree.Index(value=value, items=items):
            return f"{shape(value)}[{', '.join(map(shape, items))}]"
        case tree.Slice(start=start, stop=stop, step=step):
            return ":".join("" if part is None else shape(part) for part in (start, stop, step))
        case tree.Ellipsis_():
            return "..."
        case tree.Attribute(value=value, name=name):
            return f"{shape(value)}.{name}"
        case tree.Unary(operator=operator, value=value):
            return f"{operator}({shape(value)})"
        case tree.Binary(operator=operator, left=left, right=right):
            return f"{operator}({shape(left)}, {shape(right)})"
        case tree.IfExpr(then=then, condition=condition, otherwise=otherwise):
            return f"if({shape(condition)}, {shape(then)}, {shape(otherwise)})"
        case tree.Chain(links=links):
            return " -> ".join(map(shape, links))
        case tree.Link(step=step, names=names):
            return shape(step) + ("" if names is None else f" as {','.join(names)}")
        case tree.Step(label=label, term=term):
            return shape(term) if label is None else f"{'.'.join(part.text for part in label.segments)}: {shape(term)}"
        case tree.Body(statements=inner):
            return "{" + "; ".join(map(shape, inner)) + "}"
        case tree.Flow(chain=chain):
            return shape(chain)
        case tree.Assign(targets=targets, value=value):
            return f"{','.join(target.name for target in targets)} = {shape(value)}"
        case _:
            return type(node).__name__
