"""The maps beside the specs: a library's random weights go through a map into ours, and both compute the same; and back again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from archdsl.weights.reading import read_map
from tests.oracles.comparing import InDouble, call_ours, in_evaluation, near, weighted, widened
from tests.oracles.living import ROOT, build, quiet, randomise, spec
from tests.oracles.map_cases import CASES, Mapped
from tests.oracles.running import agrees, session

pytestmark = pytest.mark.oracle
MAPS = ROOT / "specs/maps"


def test_every_map_is_held_against_its_reference() -> None:
    assert {path.stem for path in MAPS.glob("*.toml")} == {case.name for case in CASES}
    assert all((ROOT / "specs" / read_map(path).spec).is_file() for path in MAPS.glob("*.toml"))


def flags(case: Mapped) -> list[str]:
    return [word for name, value in case.config.items() for word in ("-D", f"{name}={value}")]


def run(*arguments: object) -> int:
    from archdsl.cli.main import run

    return run([str(one) for one in arguments])


def train(case: Mapped, ours: nn.Module, theirs: nn.Module, folder: Path) -> None:
    """A step of training in float64: results, gradients and running statistics, theirs brought to ours by the same map."""
    wide = widened(case.inputs())
    with InDouble():
        expected = case.call(theirs.train(), wide)
    results = call_ours(ours.train(), wide)
    for index, (result, one) in enumerate(zip(results, expected, strict=True)):
        near(result, one, f"training, output {index}")
    weighted(results).backward()
    with InDouble():
        weighted(expected).backward()
    grads = {name: one.grad for name, one in theirs.named_parameters()}
    after = {name: grads.get(name, one) for name, one in theirs.state_dict().items()}
    save_file({name: one.detach().contiguous() for name, one in after.items() if one is not None}, folder / "after.safetensors")
    target = f"{ROOT / 'specs' / case.file}.arch:{case.arch}"
    made = folder / "made.safetensors"
    assert run("weights", "convert", target, folder / "after.safetensors", "--map", case.name, "-o", made, *flags(case)) == 0
    wanted = load_file(made)
    mine = {name: one.grad for name, one in ours.named_parameters()}
    for name, one in ours.state_dict().items():
        near(mine.get(name, one), wanted[name], f"gradient or statistic {name}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_tiny_one_is_the_same_in_float64_and_its_weights_return(case: Mapped, tmp_path: Path) -> None:
    theirs = quiet(randomise(case.tiny()))
    weights = case.weights(theirs.double() if case.summed else theirs)  # a sum is rounded as the file's numbers are
    save_file(weights, tmp_path / "theirs.safetensors")
    target, name = ROOT / "specs" / f"{case.file}.arch", case.arch
    converted = ["weights", "convert", f"{target}:{name}"]
    assert run(*converted, tmp_path / "theirs.safetensors", "-o", tmp_path / "ours.safetensors", *flags(case)) == 0
    ours = quiet(build(case.file, case.arch, **case.config)).to(next(iter(weights.values())).dtype)
    ours.load_state_dict(load_file(tmp_path / "ours.safetensors"), strict=True)
    wide = widened(case.inputs())
    with InDouble():
        wanted = in_evaluation(theirs.double(), case.call, wide)
    for index, (result, one) in enumerate(zip(in_evaluation(ours.double(), call_ours, wide), wanted, strict=True)):
        near(result, one, f"output {index}")
    if not (case.saved or case.summed or case.lost):
        train(case, ours, theirs, tmp_path)
    back = tmp_path / "back.safetensors"
    assert run(*converted, tmp_path / "ours.safetensors", "--map", case.name, "--reverse", "-o", back, *flags(case)) == 0
    returned = load_file(back)
    lost = {name for name in weights if case.lost and case.lost in name}
    assert returned.keys() == weights.keys() - lost
    for key, tensor in returned.items():
        assert weights[key].dtype == tensor.dtype
        assert torch.equal(weights[key], tensor) or key in case.summed, key
    if case.summed:  # the parts are others, and the function is the same
        theirs.load_state_dict(returned)
        for one, other in zip(in_evaluation(theirs, case.call, wide), wanted, strict=True):
            near(one, other, "the reference with the weights that returned")


@pytest.mark.parametrize("case", [case for case in CASES if case.batched], ids=lambda case: case.name)
def test_the_onnx_model_with_mapped_weights_agrees_at_two_sizes(case: Mapped, tmp_path: Path) -> None:
    theirs = quiet(randomise(case.tiny()))
    save_file(case.weights(theirs), tmp_path / "theirs.safetensors")
    target, ours = f"{ROOT / 'specs' / case.file}.arch:{case.arch}", tmp_path / "ours.safetensors"
    assert run("weights", "convert", target, tmp_path / "theirs.safetensors", "--map", case.name, "-o", ours, *flags(case)) == 0
    running = session(spec(case.file).onnx(case.arch, weights=load_file(ours), **case.config))
    for n in (1, 2):
        agrees(running, theirs, case.call, {name: one[:n] for name, one in case.inputs().items()})


@pytest.mark.parametrize("case", [case for case in CASES if not (case.saved or case.layout)], ids=lambda case: case.name)
def test_the_map_fits_at_full_size(case: Mapped) -> None:
    """Names, shapes and types of the published size, from tensors without data."""
    from archdsl.files.tensors import Held
    from archdsl.weights.own import own_tensors
    from archdsl.weights.planning import plan

    with torch.device("meta"):
        theirs = case.full()
    kinds = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}
    given = {name: Held(kinds[one.dtype], tuple(one.shape), memoryview(b"")) for name, one in theirs.state_dict().items()}
    required = {name: value for name, value, _ in read_map(MAPS / f"{case.name}.toml").configuration}
    configuration = dict(spec(case.file).graph(case.arch, **required).config)
    own = own_tensors(build(case.file, case.arch, device="meta", **required), case.arch, configuration)
    made = plan(read_map(MAPS / f"{case.name}.toml"), own, given, "theirs")
    filled = {name for move in made.moves for name in move.targets} | {name for name, _ in made.filled}
    assert all(set(own.group(name)) & filled for name in own.tensors)
    assert sum(len(move.sources) for move in made.moves) + len(made.dropped) == len(given)
