"""An arch, its numbers, inputs and outputs have the same names in the PyTorch class, or `check` says what they are there."""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import re
import symtable
from pathlib import Path
from typing import Any

import pytest
import torch

import archdsl
from archdsl.elaborate.reserved import GENERATED, renamed, why_unwritable
from archdsl.source import Source
from archdsl.targets.torch import runtime_source
from archdsl.targets.torch.imports import IMPORTS

NAMES = sorted(
    name
    for name in {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, *IMPORTS, *dir(torch.nn.Module()), "self", "cls", "_x"}
    if re.fullmatch(r"[A-Za-z_]\w*", name) and name != "_"
)
SMALL = ("lenet", "unet", "s4d", "gru", "small_cnns")
SPECS = Path(__file__).parents[3] / "specs"


def generated(text: str, name: str = "Net") -> Any:
    """The class of a program, or the codes of its problems."""
    try:
        spec = archdsl.load(Source("net.arch", text))
        told = {one.code for one in spec.check(name)}
        assert told <= {"renamed-name"} or any(one.severity == "error" for one in spec.check(name))
        space: dict[str, Any] = {"__name__": "generated"}
        exec(spec.source(name), space)
        return space[there(name)]
    except archdsl.ArchError as fault:
        return {one.code for one in fault.problems}


def there(name: str, *, output: bool = False) -> str:
    """The name in the class."""
    return renamed(name) if why_unwritable(name, output=output) else name


def test_inputs_keep_their_names() -> None:
    kept = 0
    for name in NAMES:
        made = generated(f"arch Net(a: [N, 4], {name}: [N, 4]) {{\n  a + {name} -> fc: Linear(3)\n  relu\n  reshape(N * 3)\n}}")
        if isinstance(made, set):
            assert made & {"reserved-name", "unexpected-token", "missing-output"}, name
            continue
        kept += 1
        assert list(inspect.signature(made.forward).parameters) == ["self", "a", there(name)]
        assert made()(torch.ones(2, 4), **{there(name): torch.ones(2, 4)}).shape == (6,)
    assert kept > 100


def test_numbers_keep_their_names() -> None:
    kept = 0
    for name in NAMES:
        made = generated(f"arch Net({name}: int = 3)(x: [N, 4]) {{\n  fc: Linear({name})\n  relu\n  reshape(N * {name})\n}}")
        if isinstance(made, set):
            assert made & {"reserved-name", "unexpected-token", "missing-output"}, name
            continue
        kept += 1
        assert list(inspect.signature(made).parameters) == [there(name)]
        assert made(**{there(name): 5})(torch.ones(2, 4)).shape == (10,)
    assert kept > 100


def test_outputs_and_classes_keep_their_names() -> None:
    kept = 0
    for name in NAMES:
        body = f"(x: [N, 4]) {{\n  fc: Linear(3)\n  head {name}\n  relu\n  head b\n}}"
        made = generated(f"arch {name}{body}", name)
        if isinstance(made, set):
            assert made & {"reserved-name", "unexpected-token", "missing-output"}, name
            continue
        kept += 1
        assert made.__name__ == there(name)
        assert getattr(made()(torch.ones(2, 4)), there(name, output=True)).shape == (2, 3)
    assert kept > 100


@pytest.mark.parametrize("name", ["input", "globals", "id", "type", "hash", "filter", "forward", "match", "device"])
def test_names_that_python_leaves_free_are_free(name: str) -> None:
    assert inspect.isclass(generated(f"arch Net({name}: [N, 4]) {{ relu }}"))


@pytest.mark.parametrize("name", ["self", "class", "lambda", "F", "torch", "range", "__x"])
def test_names_with_another_meaning_are_told(name: str) -> None:
    for text in (
        f"arch Net({name}: [N, 4]) {{ relu }}",
        f"arch Net({name}: int = 3)(x: [N, 4]) {{ Linear({name}) }}",
        f"arch Net(x: [N, 4]) -> {name}: [N, 4], y: [N, 4] {{\n  head {name}\n  head y\n}}",
    ):
        (problem,) = archdsl.load(Source("net.arch", text)).check("Net")
        assert (problem.code, problem.severity) == ("renamed-name", "warning")
        assert f"`{there(name)}`" in problem.message()
        assert inspect.isclass(generated(text))


def test_the_name_of_the_only_output_stays_in_the_text() -> None:
    assert archdsl.load(Source("net.arch", "arch Net(x: [N, 4]) -> count: [N, 4] {\n  head count\n}")).check("Net") == ()


def test_what_is_no_name_in_the_class_is_free() -> None:
    assert inspect.isclass(generated("block B(range: [N, C]) { range * 2 }\narch Net(rotary: bool = true)(x: [F, 4]) { B }"))


def read_builtins(source: str) -> set[str]:
    """The builtins that a text refers to."""
    found: set[str] = set()
    tables = [symtable.symtable(source, "generated", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        found |= {one.get_name() for one in table.get_symbols() if one.is_referenced() and (one.is_global() or top)}
    return {name for name in found if hasattr(builtins, name)}


def test_the_names_of_a_generated_file_are_known() -> None:
    runtime = sorted((Path(runtime_source.__file__).parent / "runtime").glob("*.py"))
    helpers = {name for file in runtime for name in runtime_source.helper_names(file.stem) if not name.startswith("_")}
    texts = [runtime_source.helper_source(file.stem) for file in runtime]
    texts += [spec.source(spec.names[-1]) for spec in map(archdsl.load, [SPECS / f"{name}.arch" for name in SMALL])]
    assert all(ast.parse(text) for text in texts)
    assert {*IMPORTS, *helpers}.union(*map(read_builtins, texts), {"self"}) <= GENERATED
