"""The proof holds for the reference's examples, and falls where a product is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from archdsl.compiler import Spec, load
from archdsl.ir.graph import Graph
from archdsl.records import changed
from archdsl.source import Source
from archdsl.targets.torch.merging.printing import write_presence
from archdsl.verifying.report import Check, Report
from archdsl.verifying.verify import verify
from tests.conftest import ROOT

EXAMPLES = ROOT / "tests" / "data" / "examples"
SMALL: dict[str, dict[str, Any]] = {
    "gat": {"features": 11, "classes": 3},
    "gpt2": {"vocab": 19, "context": 16, "width": 16, "depth": 2, "heads": 2},
    "lstm": {"vocab": 11, "width": 6, "hidden": 5, "tags": 3},
    "neural_ode": {"hidden": 7, "steps": 2, "classes": 3},
    "ntm": {"inputs": 3, "outputs": 4, "hidden": 6, "slots": 8, "width": 5},
    "resnet": {"depths": [1, 1, 1, 1], "classes": 7},
    "rwkv4": {"vocab": 13, "width": 8, "depth": 1},
    "seq2seq": {"vocab": 13, "width": 6, "hidden": 5},
    "unet": {"base": 4},
}
NAMES = {"gpt2": "GPT2", "resnet": "ResNet"}
PLAIN = load(Source("plain.arch", """
arch A(hidden: int = 5)(x: [N, 4], where_: i64[N], mask: bool[N, 4] = none) -> y: [N, 3], z: [N, hidden] {
  require N <= 6, "small"
  table = where_ -> table: Embedding(3, hidden)
  body: { Linear(hidden); BatchNorm1d; tanh }
  head z { it + table }
  head y { out: Linear(3) }
}"""))  # fmt: skip


@pytest.mark.parametrize("example", sorted(SMALL))
def test_examples_hold(example: str) -> None:
    report = load(EXAMPLES / f"{example}.arch").verify(NAMES.get(example), seed=3, **SMALL[example])
    assert report.ok, str(report)
    assert {one.product for one in report.checks} == {"module", "source", "onnx"}
    assert len(report.bindings) == 3


def test_the_report_is_a_table_and_data() -> None:
    report = PLAIN.verify(hidden=2)
    text = str(report)
    assert text.splitlines()[0].split() == ["sizes", "compared", "module", "source", "onnx"]
    assert text.splitlines()[-1] == f"A: all {len(report.checks)} comparisons agree (seed 0)"
    data = report.as_json()
    assert data["ok"] is True
    assert data["bindings"] == [{"N": 1}, {"N": 3}, {"N": 4}]
    ways = ("", " with mask")
    assert {one["compared"] for one in data["checks"]} == {f"{what}{way}" for what in ("y", "z", "gradients") for way in ways}


def test_a_bound_dimension_stays() -> None:
    assert PLAIN.verify(bind={"N": 2}).bindings == [{"N": 2}]
    with pytest.raises(ValueError, match="no symbolic dimension `M`; it has N"):
        PLAIN.verify(bind={"M": 2})
    with pytest.raises(ValueError, match="N <= 6"):
        PLAIN.verify(bind={"N": 7})


class Changed:
    """A spec one of whose products is changed on its way."""

    def __init__(self, spec: Spec, **changes: Any) -> None:
        self.spec = spec
        self.changes = changes

    def graph(self, name: str | None = None, /, **config: Any) -> Graph:
        return self.spec.graph(name, **config)

    def source(self, name: str | None = None, /, **config: Any) -> str:
        text = self.spec.source(name, **config)
        for old, new in self.changes.get("source", {}).items():
            assert old in text
            text = text.replace(old, new)
        return text

    def optional(self, name: str | None = None, /) -> list[str]:
        return self.spec.optional(name)

    def build(self, name: str | None = None, /, **config: Any) -> torch.nn.Module:
        module = self.spec.build(name, **config)
        self.changes.get("module", lambda one: None)(module)
        return module


FAULTS = {
    "another function": {"nn.Tanh()": "nn.Sigmoid()"},
    "another eps": {"nn.BatchNorm1d(hidden": "nn.BatchNorm1d(hidden, eps=1e-3"},
    "another order": {"(self.out(x), out)": "(out, self.out(x))"},
    "no gradient": {"self.table(where_)": "self.table(where_).detach()"},
    "another gradient": {"self.out(x)": "self.out(2 * x - x.detach())"},
    "a gradient that is no number": {"self.out(x)": "self.out(x + 0 * (x - x).sqrt())"},
    "no source": {"class A(": "class B("},
    "a source that fails": {"self.table(where_)": "self.table(where_.nothing)"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_source_is_found(fault: str) -> None:
    report = verify(Changed(PLAIN, source=FAULTS[fault]))
    assert not report.ok
    assert {one.product for one in report.checks if not one.ok} == {"source"}
    assert "comparisons fail" in str(report)


def test_a_module_that_is_not_the_graph_is_found() -> None:
    """The ONNX model comes from the graph, so it parts from a module that computes something else."""

    def spoil(module: torch.nn.Module) -> None:
        module.get_submodule("body.1").eps = 1e-2

    report = verify(Changed(PLAIN, module=spoil))
    assert {one.product for one in report.checks if not one.ok} == {"source", "onnx"}


def test_a_product_that_does_not_run_is_a_finding() -> None:
    report = Report("A", 0, [Check("onnx", "run", {"N": 1}, reason="it broke")])
    assert not report.ok
    assert "onnx, run at N=1: it broke" in str(report)
    assert not Report("A", 0).ok


MASKED = load(Source("masked.arch", """
arch Net(x: [N, 4], mask: [N, 4] = none, more: [N, 4] = ones) {
  y = x -> fc: Linear(4)
  if mask != none { y = y * mask }
  y + more
}"""))  # fmt: skip


def test_a_module_is_called_in_every_way() -> None:
    report = MASKED.verify(bind={"N": 2})
    assert report.ok, str(report)
    assert [one.what for one in report.checks if one.product == "module"] == [
        "output", "output with mask", "output with more", "output with mask, more"
    ]  # fmt: skip
    assert [one.what for one in report.checks if one.product == "onnx"] == ["output"]
    assert {one.what for one in MASKED.verify(given=("mask",)).checks} == {"output", "gradients"}


def test_a_way_that_goes_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def slipped(forward: Any, node: Any, choice: Any) -> None:
        write_presence(forward, node, changed(choice, training=choice.evaluation))

    monkeypatch.setattr("archdsl.targets.torch.forward.write_presence", slipped)
    report = load(Source("slipped.arch", MASKED.text.text.replace("Net", "Slipped"))).verify(bind={"N": 2})
    assert not report.ok
    wrong = {(one.product, one.what) for one in report.checks if not one.ok}
    assert {("module", "output with mask"), ("source", "gradients with mask")} <= wrong
    assert ("module", "output") not in wrong
