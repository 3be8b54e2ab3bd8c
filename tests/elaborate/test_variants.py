"""Variants: an arch that a file edits is the arch written so, wherever it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import archdsl
from archdsl.elaborate import blocks
from archdsl.ir.graph import Call, Graph
from archdsl.problems.problem import ArchError
from archdsl.source import Source

BLOCK = """block Res(width: int)(x: [N, C]) -> [N, C] {
  skip { fc1: Linear(width); relu; fc2: Linear(C) }
}
"""
HEADER = "(width: int = 6, depth: int = 2, norm: layer = LayerNorm)(x: [N, 4]) -> y: [N, 4]"
STEM, LAYER, OUT = "stem: Linear(4)", "layer: repeat depth { Res(width) }", "out: Linear(4)"
BODY = f"{STEM}\n{LAYER}\nnorm: norm\n{OUT}"
BASE = f"## A residual network.\narch Base{HEADER} {{\n{BODY}\nexpect {{ params == 164; independent(y, x, axis=0) }}\n}}\n"


def spec(text: str) -> archdsl.Spec:
    return archdsl.load(Source("net.arch", BLOCK + BASE + text))


def variant(edits: str, **config: object) -> Graph:
    return spec(f"variant V of Base {{ {edits} }}").graph("V", **config)


def written(body: str, block: str = BLOCK) -> Graph:
    return archdsl.load(Source("net.arch", f"{block}arch V{HEADER} {{\n{body}\n}}\n")).graph("V")


def keys(one: Graph) -> list[str]:
    return [".".join(path) for path, _ in one.tensors()]


def told(text: str, name: str = "V", **config: object) -> list[tuple[str, str]]:
    """The codes of an arch's problems, with the text they point at."""
    return [(one.code, one.at.text) for one in spec(text).check(name, config)]


@pytest.mark.parametrize(
    ("edits", "body", "block"),
    [
        ("", BODY, BLOCK),
        ("replace relu with gelu", BODY, BLOCK.replace("relu", "gelu")),
        ("replace **.fc1 with Linear(width, bias=false)", BODY, BLOCK.replace("(width);", "(width, bias=false);")),
        ("set bias = false for Linear(out_features=4) in Res", BODY, BLOCK.replace("(C)", "(C, bias=false)")),
        ("insert after **.fc1 { drop: Dropout(0.1) }", BODY, BLOCK.replace("relu;", "drop: Dropout(0.1); relu;")),
        (
            "insert before layer { a: Linear(3); b: Linear(4) }",
            BODY.replace(LAYER, f"a: Linear(3); b: Linear(4)\n{LAYER}"),
            BLOCK,
        ),
        ("unwrap [skip]", BODY, BLOCK.replace("skip {", "{")),
        ("wrap out with skip", BODY.replace(OUT, f"skip {{ {OUT} }}"), BLOCK),
        (
            "wrap out with skip(mul) via gate: Linear(4)",
            BODY.replace(OUT, f"skip(mul) {{ {OUT} }} via gate: Linear(4)"),
            BLOCK,
        ),
        ("remove stem", BODY.replace(STEM, ""), BLOCK),
        ("remove relu; unwrap [skip]", BODY, BLOCK.replace("relu;", "").replace("skip {", "{")),
        ("replace relu with gelu; insert after gelu { tanh }", BODY, BLOCK.replace("relu;", "gelu; tanh;")),
        (
            "insert after stem { extra: Linear(4) }\nset bias = false for extra",
            BODY.replace(LAYER, f"extra: Linear(4, bias=false)\n{LAYER}"),
            BLOCK,
        ),
        ("set width = 2 * width, depth = depth + 1", BODY.replace("width", "12").replace("depth", "3"), BLOCK),
        (
            "set norm = RMSNorm; replace relu with silu",
            BODY.replace("norm: norm", "norm: RMSNorm"),
            BLOCK.replace("relu", "silu"),
        ),
        ("replace out with fc: Linear(4)", BODY.replace("out:", "fc:"), BLOCK),
    ],
)
def test_a_variant_is_the_arch_written_so(edits: str, body: str, block: str) -> None:
    """Equal graphs, but for the labels that unlabelled functions have in them; equal keys; and what they compute."""
    from archdsl.targets.torch.module import build

    ours, theirs = variant(edits), written(body, block)
    assert keys(ours) == keys(theirs)
    one, other = build(ours, seed=1).double().eval(), build(theirs, seed=1).double().eval()
    assert all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in one.state_dict().items())
    x = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(one(x), other(x), rtol=0, atol=0)


def test_edits_are_those_of_python() -> None:
    graph = spec("").graph("Base").select("relu in Res").replace("gelu").select("layer.1.fc2").insert_after("Dropout(0.5)")
    ours = variant("replace relu in Res with gelu; insert after layer.1.fc2 { Dropout(0.5) }")
    assert [str(one) for one in ours.nodes] == [str(one) for one in graph.nodes]
    assert keys(ours) == keys(graph)


def test_a_variant_of_a_variant_edits_what_that_one_made() -> None:
    text = "variant A of Base { replace relu with gelu; set width = 3 }\nvariant V of A { replace gelu with silu; set width = 2 * width }\n"
    assert keys(spec(text).graph("V")) == keys(spec(text).graph("A"))
    assert "silu" in str(spec(text).graph("V"))
    assert "relu" not in str(spec(text).graph("V"))
    assert dict(spec(text).graph("V").tensors())["layer", "0", "fc1", "weight"].type.shape == (6, 4)
    again = text + "arch W = V(depth=1)\nvariant X of W { remove layer.0.silu }\n"
    assert len(keys(spec(again).graph("W"))) == len(keys(spec(text).graph("V"))) - 4
    assert "silu" not in str(spec(again).graph("X"))


def test_a_variant_is_mounted_like_an_arch() -> None:
    text = """variant A of Base { replace relu with gelu; set width = 3 }
    variant B of Base { replace relu in layer.1 with gelu }
    arch V(x: [N, 4]) -> [N, 4] { a: A; b: B; c: Base; d: A(width=5); e: B(depth=1); _: A }
    """
    graph = spec(text).graph("V")
    parts = {path[0]: member.graph for path, member in graph.members.items() if isinstance(member, Call)}
    assert [str(parts[name]).count("gelu") for name in "abcde"] == [1, 1, 0, 1, 0]
    assert {name: [key for key in keys(graph) if key.startswith(f"{name}.")] for name in "ac"} == {
        "a": [f"a.{key}" for key in keys(spec(text).graph("A"))],
        "c": [f"c.{key}" for key in keys(spec(text).graph("Base"))],
    }
    assert parts["a"].name == "A"
    assert (parts["a"].inputs, parts["d"].config) != (parts["d"].inputs, parts["c"].config)
    assert keys(graph)[-2:] == ["out.weight", "out.bias"]
    x = torch.randn(2, 4)
    whole, part = spec(text).build("V", seed=3), spec(text).build("A", seed=0)
    part.load_state_dict({key[2:]: value for key, value in whole.state_dict().items() if key.startswith("a.")})
    torch.testing.assert_close(whole.a(x), part(x))


def test_what_python_edits_in_a_mounted_variant_comes_on_top() -> None:
    text = "variant A of Base { replace relu with gelu; wrap out with skip }\narch V(x: [N, 4]) -> [N, 4] { a: A; b: A }\n"
    graph = spec(text).graph("V").select("a.layer.*.gelu").replace("silu").select("a.out").set(bias=False)
    assert sorted(set(keys(spec(text).graph("V"))) - set(keys(graph))) == ["a.out.bias"]
    first, second = (member.graph for member in graph.members.values() if isinstance(member, Call))
    assert ("gelu" in str(first), "silu" in str(first)) == (False, True)
    assert ("gelu" in str(second), "silu" in str(second)) == (True, False)


def test_configuration_from_outside_is_of_the_base_and_edits_apply_to_what_is_there_then() -> None:
    made = spec("variant V of Base { replace relu with gelu }")
    assert str(made.graph("V", depth=5)).count("gelu") == str(made.graph("V")).count("gelu")
    assert len(keys(made.graph("V", depth=5))) == len(keys(made.graph("V"))) + 12
    assert told("variant V of Base { replace layer.1.relu with gelu }", depth=1) == []
    assert told("variant V of Base { set depth = 1; replace layer.1.relu with gelu }")[0][0] == "nothing-selected"


def test_properties_are_inherited_and_numbers_are_not() -> None:
    assert told("variant V of Base { replace relu with gelu }") == []
    assert told("variant V of Base { remove stem; expect { params == 144 } }") == []
    assert told("variant V of Base { remove stem; expect { params == 164 } }") == [("expectation-failed", "params == 164")]
    assert told("variant V of Base { replace stem with softmax(axis=0) }")[0][1] == "independent(y, x, axis=0)"


def test_the_documentation_is_its_own_or_the_bases() -> None:
    text = "let one = 1\n## Without a stem.\nvariant V of Base { remove stem }\nvariant W of Base { remove stem }\n"
    assert (spec(text).graph("V").doc, spec(text).graph("W").doc) == ("Without a stem.", "A residual network.")
    assert "Without a stem." in spec(text).source("V")
    assert "class V(" in spec(text).source("V")


def test_a_base_of_another_file_and_names_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "base.arch").write_text(
        BLOCK
        + BASE.replace("LayerNorm", "layer_norm_of_the_base").replace(
            "## A residual", "fn layer_norm_of_the_base(x: [...]) = x\n## A residual"
        )
    )
    (tmp_path / "net.arch").write_text(
        'use "./base.arch" { Base }\n'
        "let factor = 3\n"
        "fn layer_norm_of_the_base(x: [...]) = x * factor\n"
        "block Act(k: int)(x: [...]) { x * k }\n"
        "variant V of Base { replace relu with Act(factor); insert after stem { layer_norm_of_the_base } }\n"
    )
    graph = archdsl.load(tmp_path / "net.arch").graph("V")
    assert str(graph).count("mul") >= 2
    x = torch.randn(2, 4)
    net = archdsl.load(tmp_path / "net.arch").build("V")
    h = net.stem(x) * 3
    for layer in net.layer:
        h = h + layer.fc2(layer.fc1(h) * 3)
    torch.testing.assert_close(net(x), net.out(h))


def test_a_base_and_its_variants_are_not_confused_when_they_are_elaborated_again(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    text = BLOCK + BASE + "variant V of Base { EDIT }\narch M(x: [N, 4]) -> [N, 4] { a: V; b: Base }\n"
    seen = []
    for edit in ("replace relu with gelu", "replace relu with tanh", "replace relu with gelu", "remove layer.0.relu"):
        path.write_text(text.replace("EDIT", edit))
        for _ in range(2):
            made = archdsl.load(path)
            assert made.check() == ()
            seen.append([str(made.graph(name)) for name in ("Base", "V", "M", "V", "Base")])
    assert {each[0] for each in seen} == {each[4] for each in seen} == {seen[0][0]}
    assert all(each[1] == each[3] for each in seen)
    assert seen[0] == seen[1] == seen[4] == seen[5]
    assert len({tuple(each) for each in seen}) == 3


def test_a_problem_of_a_variant_is_told_each_time(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(BLOCK + BASE + "variant V of Base { replace **.fc2 with Linear(3) }\narch M(x: [N, 4]) -> [N, 4] { a: V }\n")
    first = [[one.code for one in archdsl.load(path).check(name)] for name in ("V", "M", "V", "M")]
    assert first == [["shape-mismatch"]] * 4


def test_the_edit_since_which_it_does_not_fit_is_told() -> None:
    text = "variant V of Base {\n  replace relu with gelu\n  replace **.fc2 with Linear(3)\n  remove stem\n}"
    (one,) = spec(text).check("V")
    assert [(label.span.text, label.text) for label in one.others][-1] == (
        "replace **.fc2 with Linear(3)",
        "it fits without this edit",
    )


def test_what_does_not_fit_in_between_may_fit_in_the_end_or_is_told_alone() -> None:
    assert told("variant V of Base { replace stem with Linear(7); insert after stem { back: Linear(4) } }") == []
    deep = "variant V of Base { replace layer.*.fc2 with Linear(3); insert after layer.*.fc2 { back: Linear(4) } }"
    assert [code for code, _ in told(deep)] == ["shape-mismatch"]


def test_numbers_of_the_base_stay() -> None:
    base = "arch B(x: [N, 4]) -> [N, _] { Linear(4); relu; Linear(3); head: Linear(2) }\n"
    edits = "remove 0; insert before relu { tanh; more: Linear(4) }; replace 2 with Linear(5) -> relu"
    assert keys(spec(f"{base}variant V of B {{ {edits} }}").graph("V")) == [
        f"{label}.{leaf}" for label in ("more", "2", "head") for leaf in ("weight", "bias")
    ]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("variant V of Bsae { remove relu }", "unknown-layer", "Bsae"),
        ("variant V of Res { remove relu }", "not-a-layer", "Res"),
        ("variant V of V { remove relu }", "unknown-name", "V"),
        ("variant V of Base { set wide = 3 }", "unknown-argument", "wide = 3"),
        ("variant V of Base { set width = 3; set width = 4 }", "repeated-argument", "width = 4"),
        ('variant V of Base { set width = "a" }', "bad-argument", 'width = "a"'),
        ("variant V of Base { remove gelu }", "nothing-selected", "gelu"),
        ("variant V of Base { remove relu not in body }", "nothing-selected", "relu not in body"),
        (
            "variant V of Base { set bias = false for Linear and not (out or fc1) }",
            "nothing-selected",
            "Linear and not (out or fc1)",
        ),
        ("variant V of Base { remove (relu }", "bad-selector", ""),
        ("variant V of Base { replace relu with gleu }", "unknown-name", "gleu"),
        ("variant V of Base { insert after stem { LayerNorm } }", "needs-label", "LayerNorm"),
        ("variant V of Base { insert after stem { stem: Linear(4) } }", "duplicate-label", "Linear(4)"),
        ("variant V of Base { unwrap relu }", "edit-not-possible", "unwrap relu"),
        ("variant V of Base { replace relu with gelu; remove relu }", "edits-clash", "relu"),
        ("variant V of Base { wrap out with skip; unwrap [skip] not in Res }", "edits-clash", "unwrap [skip] not in Res"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(text: str, code: str, at: str) -> None:
    found = told(text)
    assert (code, at) in found or (code in [each for each, _ in found] and not at), found


def test_what_could_not_be_read_of_the_base_is_told_once() -> None:
    text = (BLOCK + BASE).replace("relu;", "relu relu;") + "variant V of Base { replace relu with gelu; remove relu }"
    assert [one.code for one in archdsl.load(Source("net.arch", text)).check()] == ["unexpected-token"]


def test_an_arch_with_problems_is_no_graph() -> None:
    with pytest.raises(ArchError):
        spec("variant V of Base { remove gelu }").graph("V")


def test_a_label_path_is_matched_at_once() -> None:
    stars = ".".join(["**"] * 200)
    assert told(f"variant V of Base {{ remove {stars}.{'*a' * 50}z }}")[0][0] == "nothing-selected"
    assert keys(variant(f"replace {stars}.relu with gelu")) == keys(variant(""))


def test_a_variant_has_so_many_edits_and_no_more() -> None:
    edits = [f"insert after stem {{ d{index}: Dropout(0.1) }}" for index in range(64)]
    assert told(f"variant V of Base {{ {'; '.join(edits)} }}") == []
    more = f"variant A of Base {{ {'; '.join(edits)} }}\nvariant V of A {{ remove stem }}"
    assert told(more) == [("too-many-edits", "remove stem")]


def test_blocks_that_an_edit_leaves_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = blocks.make

    def counted(*given: Any) -> Any:
        made.append(given)
        return make(*given)

    monkeypatch.setattr(blocks, "make", counted)
    edits = [f"replace layer.{index}.relu with Dropout(0.{index + 101})" for index in range(40)]
    one = spec(f"variant V of Base {{ set depth = 40; {'; '.join(edits)} }}").graph("V")
    assert len({member.graph for member in one.members.values() if isinstance(member, Call)}) == 40
    assert len(made) <= 2 * len(edits) + 2  # each once to be looked at and once to be built, and the one of the base


@pytest.mark.parametrize(
    "text", ["variant V of Base { set width = 0 }", "arch V = Base(width=0)", "arch V = Base(width=0, depth=1) {}"]
)
def test_what_does_not_fit_the_base_says_which_variant_asks_for_it(text: str) -> None:
    (problem,) = spec(text).check()
    assert problem.at.text == "width"
    assert [(one.span.text, one.text) for one in problem.others] == [("V", "as `V` configures it")]
    (same,) = spec(f"{text}\narch W(x: [N, 4]) {{ r: Res(0) }}").check()  # the base is at fault by itself too: told once
    assert same.order == problem.order


def test_a_problem_in_a_variants_own_text_is_told_as_it_is() -> None:
    (problem,) = spec("variant V of Base { set width = 3; replace **.fc1 with Linear(0) }").check()
    assert problem.at.text == "0"
    assert all("configures" not in one.text for one in problem.others)
