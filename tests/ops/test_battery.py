"""Every operator keeps to the contract: `pytest tests/ops -k Conv2d`."""

from __future__ import annotations

from importlib import import_module

import pytest

from archdsl.ops.contract import Op
from archdsl.ops.registry import FOLDER, all_ops
from tests.ops.batched_side import check_batched, check_larger_batch
from tests.ops.battery import check_onnx, check_page, check_refusals, check_torch, check_types
from tests.ops.reach import check_reach
from tests.ops.tangent_side import check_derived, check_tangents


def _operators() -> list[object]:
    """All operators; a family that cannot be imported is one failing test and hides no other."""
    try:
        return [pytest.param(op, id=op.name) for op in all_ops()]
    except Exception:
        return list(_one_by_one())


def _one_by_one() -> list[object]:
    found: dict[str, object] = {}
    for path in sorted(FOLDER.glob("*/[a-z]*.py")):
        name = f"archdsl.ops.{path.parent.name}.{path.stem}"
        try:
            module = import_module(name)
        except Exception as error:
            found[name] = pytest.param(error, id=name)
            continue
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Op) and value.__dict__.get("name") and value.__module__ == name:
                found[value.name] = pytest.param(value, id=value.name)
    return list(found.values())


@pytest.fixture
def operator(request: pytest.FixtureRequest) -> type[Op]:
    if isinstance(request.param, Exception):
        raise request.param
    found: type[Op] = request.param
    return found


every = pytest.mark.parametrize("operator", _operators(), indirect=True)


@every
def test_page(operator: type[Op]) -> None:
    check_page(operator)


@every
def test_types(operator: type[Op]) -> None:
    check_types(operator)


@every
def test_refusals(operator: type[Op]) -> None:
    check_refusals(operator)


@every
def test_torch(operator: type[Op]) -> None:
    check_torch(operator)


@every
def test_onnx(operator: type[Op]) -> None:
    check_onnx(operator)


@every
def test_reach(operator: type[Op]) -> None:
    check_reach(operator)


@every
def test_batched(operator: type[Op]) -> None:
    check_batched(operator)


@every
def test_larger_batch(operator: type[Op]) -> None:
    check_larger_batch(operator)


@every
def test_tangents(operator: type[Op]) -> None:
    check_tangents(operator)


@every
def test_tangents_are_programs(operator: type[Op]) -> None:
    check_derived(operator)
