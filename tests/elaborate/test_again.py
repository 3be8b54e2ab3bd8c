"""What is checked again: a file as it was is not read or elaborated anew, and nothing of what is wrong is forgotten."""

from __future__ import annotations

from pathlib import Path

import archdsl
from archdsl.elaborate import program
from archdsl.source import Source
from archdsl.syntax import parse

NET = """use "./parts.arch" { Part }
arch Net(width: int = 4)(x: [N, 4]) -> [N, _] {
  first: Part(width)
  second: Part(width)
}
"""
PART = "block Part(width: int)(x: [N, C]) -> [N, width] { fc: Linear(width) relu }\n".replace(" relu", "; relu")


def write(folder: Path, part: str = PART, net: str = NET) -> Path:
    (folder / "parts.arch").write_text(part)
    path = folder / "net.arch"
    path.write_text(net)
    return path


def told(path: Path, **config: object) -> list[tuple[str, int]]:
    return [(one.code, one.at.line) for one in archdsl.load(path).check("Net", config)]


def test_a_file_as_it_was_is_the_module_that_it_was(tmp_path: Path) -> None:
    path = write(tmp_path)
    first = archdsl.load(path)
    again = archdsl.load(path)
    assert again.module is first.module
    assert again.graph("Net") == first.graph("Net")


def test_an_edit_of_an_import_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = archdsl.load(path)
    assert before.graph("Net").outputs[0].value.type.shape[-1] == 4
    write(tmp_path, PART.replace("Linear(width)", "Linear(2*width)").replace("[N, width]", "[N, 2*width]"))
    after = archdsl.load(path)
    assert after.module is not before.module
    assert after.graph("Net").outputs[0].value.type.shape[-1] == 8
    assert before.graph("Net", width=5).outputs[0].value.type.shape[-1] == 5


def test_a_problem_in_a_block_is_told_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, PART.replace("[N, width]", "[N, width + 1]"))
    first = told(path)
    assert first
    assert told(path) == first
    assert told(path, width=8)


def test_a_warning_in_a_block_is_told_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, "block Part(width: int)(x: [N, C]) { fc: Linear(width)\n relu(x)\n x -> fd: Linear(width) }\n")
    spec = archdsl.load(path)
    first = [one.code for one in spec.check("Net")]
    assert first
    assert [one.code for one in spec.check("Net")] == first
    outer = NET.replace("first: Part(width)", "first: Part(4)")
    assert [one.code for one in archdsl.load(write(tmp_path, (tmp_path / "parts.arch").read_text(), outer)).check("Net")] == first


def test_a_wrong_constant_is_told_each_time(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("let width = 1 // 0\narch Net(x: [N, 4]) -> [N, _] { Linear(width) }\n")
    spec = archdsl.load(path)
    first = [one.code for one in spec.check("Net")]
    assert first
    assert [one.code for one in spec.check("Net")] == first


def test_texts_and_modules_are_remembered_up_to_a_bound() -> None:
    for index in range(parse.MAX_READ + 5):
        archdsl.load(Source("many.arch", f"arch A(x: [N, 4]) -> [N, {index + 1}] {{ Linear({index + 1}) }}\n")).check("A")
    assert len(parse._read) <= parse.MAX_READ
    assert len(program._loaded) <= program.MAX_LOADED


def test_a_module_remembers_blocks_up_to_a_bound() -> None:
    spec = archdsl.load(Source("one.arch", PART + "arch A(width: int = 1)(x: [N, 4]) -> [N, _] { Part(width) }\n"))
    for width in range(1, program.MAX_KEPT + 10):
        assert not spec.check("A", {"width": width})
    assert len(spec.module.made) <= program.MAX_KEPT


def test_an_arch_as_it_was_is_the_graph_that_it_was(tmp_path: Path) -> None:
    path = write(tmp_path)
    first = archdsl.load(path).graph("Net")
    assert archdsl.load(path).graph("Net") is first
    assert archdsl.load(path).graph("Net", width=5) is not first
    assert archdsl.load(path).graph("Net", dtype="f64") is not first


def test_what_an_arch_expects_in_vain_is_told_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, net=NET.removesuffix("}\n") + "  expect { params == 1 }\n}\n")
    first = told(path)
    assert len(first) == 1
    assert told(path) == first
