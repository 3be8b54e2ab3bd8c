"""Edits: what stands in a step's place is elaborated as if the author had written it there, at the chosen occurrences alone."""

from __future__ import annotations

import pytest

import archdsl
from archdsl.ir.graph import Call, Graph
from archdsl.problems.problem import ArchError
from archdsl.source import Source

BLOCKS = """
block Res(width: int, act: layer = relu)(x: [N, D]) -> [N, D] {
  skip {
    fc1: Linear(width)
    act
    fc2: Linear(D)
  }
}
fn swish(x: [...]) = x * sigmoid(x)
"""
NET = "arch Net(x: [N, 8]) { stem: Linear(6); relu; layers: repeat 3 { Res(4) }; swish; drop: Dropout(0.5); 0.head: Linear(2) }"


def spec(program: str) -> archdsl.Spec:
    return archdsl.load(Source("net.arch", BLOCKS + program))


def elaborated(program: str) -> Graph:
    return spec(program).graph("Net")


def keys(graph: Graph) -> list[str]:
    return [".".join(path) for path, _ in graph.tensors()]


def edited(program: str, selector: str, edit: str) -> Graph:
    """`replace gelu`, `remove`, `set p=0.1`: done to what the selector means."""
    selection = elaborated(program).select(selector)
    method, _, given = edit.partition(" ")
    if method == "set":
        return selection.set(**dict(one.split("=", 1) for one in given.split(", ")))
    return getattr(selection, method)(*([given] if given else []))


def of(body: str) -> str:
    return f"arch Net(x: [N, 8]) {{ {body} }}"


@pytest.mark.parametrize(
    ("before", "selector", "edit", "after"),
    [
        (of("relu; fc: Linear(4)"), "relu", "replace gelu", of("gelu; fc: Linear(4)")),
        (of("x -> fc: Linear(4) -> relu"), "Linear", "replace Linear(3, bias=false)", of("fc: Linear(3, bias=false) -> relu")),
        (of("Linear(4); relu; Linear(2)"), "0", "replace Linear(5)", of("Linear(5); relu; Linear(2)")),
        (of("Linear(4); relu; Linear(2)"), "relu", "replace { tanh; sigmoid }", of("Linear(4); 1: { tanh; sigmoid }; Linear(2)")),
        (of("Linear(4); relu; Linear(2)"), "relu", "replace gelu -> tanh", of("Linear(4); gelu; (it -> tanh); Linear(2)")),
        (of("fc: Linear(4)"), "fc", "replace Linear(3) -> Linear(4)", of("fc: { Linear(3); Linear(4) }")),
        (of("fc: Linear(4)"), "fc", "replace up: Linear(4)", of("up: Linear(4)")),
        (of("y = gelu(fc1(it)); y").replace("arch", "fn fc1(x: [...]) = x * 2\narch"), "gelu", "replace tanh",
         of("y = tanh(fc1(it)); y").replace("arch", "fn fc1(x: [...]) = x * 2\narch")),
        (of("y = tanh(x + 1); x + relu(y)"), "relu", "remove", of("y = tanh(x + 1); x + y")),
        (of("y = tanh(x + 1); x + relu(y)"), "relu", "insert_before sigmoid", of("y = tanh(x + 1); x + relu(sigmoid(y))")),
        (of("y = tanh(x + 1); x + relu(y)"), "relu", "insert_after sigmoid", of("y = tanh(x + 1); x + sigmoid(relu(y))")),
        (of("y = tanh; x + y"), "tanh", "replace relu", of("y = relu; x + y")),
        (of("y = tanh; x + y"), "add", "replace mul", of("y = tanh; x * y")),
        (of("1 - x * 2"), "mul", "insert_before relu", of("1 - relu(x) * 2")),
        (of("1 - x * 2"), "mul", "insert_after relu", of("1 - relu(x * 2)")),
        (of("1 - x * 2"), "sub", "insert_before relu", of("1 - relu(x * 2)")),
        (of("1 - x * 2"), "sub", "replace neg", of("(x * 2 -> neg)")),
        (of("1 - x * 2"), "mul", "wrap skip", of("1 - (x -> skip { it * 2 })")),
        (of("1 - x * 2"), "mul", "remove", of("1 - x")),
        (of("y = tanh; concat(x, y, axis=1)"), "concat", "set axis=0", of("y = tanh; concat(x, y, axis=0)")),
        (of("y = tanh; concat(x, y, axis=1)"), "concat", "replace add", of("y = tanh; add(x, y)")),
        (of("y = tanh; concat(x, y, axis=1)"), "concat", "insert_after relu", of("y = tanh; concat(x, y, axis=1); (it -> relu)")),
        (of("skip { Linear(8) }"), "skip", "unwrap", of("Linear(8)")),
        (of("skip { Linear(8) }"), "[skip]", "remove", "arch Net(x: [N, 8]) { x }"),
        (of("skip { Linear(8) }"), "skip", "set when=false", of("Linear(8)")),
        (of("Linear(8); relu; Linear(8)"), "Linear", "wrap skip", of("skip { Linear(8) }; relu; skip { Linear(8) }")),
        (of("Linear(8); relu"), "0", "wrap r: repeat 2", of("r: repeat 2 { Linear(8) }; relu")),
        (of("Linear(4)"), "0", "wrap skip(mul) { } via down: Linear(4)", of("skip(mul) { Linear(4) } via down: Linear(4)")),
        (of("branch(add) { a: Linear(4); b: Linear(4) }"), "b", "set bias=false",
         of("branch(add) { a: Linear(4); b: Linear(4, bias=false) }")),
        (of("branch(add) k in [3, 5] { a: Linear(k); Linear(2) }").replace("a: Linear(k); Linear(2)", "a: Linear(k) -> b: Linear(2)"),
         "a.1", "set bias=false",
         of("branch(add) { a.0: Linear(3) -> b.0: Linear(2); a.1: Linear(5, bias=false) -> b.1: Linear(2) }")),
        (of("if true { Linear(4) } else { Linear(5) }"), "if", "replace Linear(6)", of("Linear(6)")),
        (of("shared f = Linear(8); f; relu; f"), "f", "set bias=false", of("shared f = Linear(8, bias=false); f; relu; f")),
        (of("shared f = Linear(8); f; relu; f"), "Linear", "wrap skip", of("shared f = Linear(8); skip { f }; relu; skip { f }")),
        (
            of("shared f = Linear(8); shared g = Linear(8, in_features=8); f; e: Linear(8)"),
            "Linear",
            "insert_after tanh",
            of("shared f = Linear(8); shared g = Linear(8, in_features=8); f; (it -> tanh); e: Linear(8); (it -> tanh)"),
        ),
        (of("a, b = chunk(x, 2, axis=1); concat(a, tanh(b), axis=1)"), "tanh", "wrap skip",
         of("a, b = chunk(x, 2, axis=1); concat(a, (b -> skip { tanh }), axis=1)")),
        (of("scan t in x over axis 1 { carry h = zeros(N); h = tanh(h + t); yield h }"), "tanh", "replace relu",
         of("scan t in x over axis 1 { carry h = zeros(N); h = relu(h + t); yield h }")),
        (of("head y { fc: Linear(4); relu }"), "relu", "replace gelu", of("head y { fc: Linear(4); gelu }")),
        (of("Res(4, act={ tanh; relu })"), "relu", "replace gelu", of("Res(4, act={ tanh; gelu })")),
        (of("Res(4); Res(4, act=tanh)"), "relu", "replace gelu(approximate=\"tanh\")",
         of("Res(4, act=gelu(approximate=\"tanh\")); Res(4, act=tanh)")),
        (NET, "Res(width=4)", "set act=tanh", NET.replace("Res(4)", "Res(4, act=tanh)")),
        (NET, "Dropout", "set p=0.1", NET.replace("0.5", "0.1")),
        (NET, "layers", "unwrap", NET.replace("repeat 3 ", "")),
    ],
)  # fmt: skip
def test_an_edited_arch_is_the_arch_written_so(before: str, selector: str, edit: str, after: str) -> None:
    made = edited(before, selector, edit)
    wanted = elaborated(after)
    assert str(made) == str(wanted)
    assert made == wanted


def test_some_instances_are_edited_and_the_others_stay_what_they_were() -> None:
    before = elaborated(NET)
    after = before.select("layers.1.relu").replace("tanh")
    graphs = {path: member.graph for path, member in after.members.items() if isinstance(member, Call)}
    assert graphs["layers", "0"] is graphs["layers", "2"]
    assert graphs["layers", "0"] == before.members["layers", "0"].graph
    assert [node.op.name for node in graphs["layers", "1"].nodes if node.op] == ["tanh", "add"]
    assert keys(after) == keys(before)
    written = NET.replace("repeat 3 { Res(4) }", "{ Res(4); Res(4, act=tanh); Res(4) }")
    assert ops(after) == ops(elaborated(written))


def test_instances_that_are_edited_alike_are_one_graph() -> None:
    after = elaborated(NET).select("layers.*.relu").replace("tanh")
    made = [member.graph for member in after.members.values() if isinstance(member, Call)]
    assert len({id(one) for one in made}) == 1
    some = elaborated(NET).select("layers.0.relu | layers.2.relu").replace("tanh")
    made = [member.graph for member in some.members.values() if isinstance(member, Call)]
    assert made[0] is made[2] is not made[1]


def test_an_edit_leaves_the_graph_it_is_of() -> None:
    before = elaborated(NET)
    text = str(before)
    before.select("relu").replace("tanh")
    assert str(before) == text


def test_edits_follow_each_other() -> None:
    graph = elaborated(NET)
    graph = graph.select("layers.0.relu").replace("tanh")
    graph = graph.select("layers.0").wrap("skip")
    graph = graph.select("tanh").replace("gelu -> sigmoid")
    graph = graph.select("layers.0.sigmoid").remove()
    graph = graph.select("gelu").set(approximate='"tanh"')
    graph = graph.select("layers.2").remove()
    graph = graph.select("layers.1.fc?").set(bias=False)
    wanted = """arch Net(x: [N, 8]) { stem: Linear(6); relu
      layers: { skip { 0: Res(4, act=gelu(approximate="tanh")) }; 1: Bare; }; swish; drop: Dropout(0.5); 0.head: Linear(2) }
      block Bare(x: [N, D]) { skip { fc1: Linear(4, bias=false); relu; fc2: Linear(D, bias=false) } }"""
    assert keys(graph) == keys(elaborated(wanted))
    assert ops(graph) == ops(elaborated(wanted))


def test_what_was_edited_inside_stays_when_what_is_around_is_wrapped_inserted_or_set() -> None:
    graph = elaborated(NET).select("layers.*.relu").replace("tanh")
    for around in (
        graph.select("Res").wrap("skip"),
        graph.select("Res").insert_after("sigmoid"),
        graph.select("Res").insert_before("sigmoid"),
        graph.select("Res").set(width=5),
        graph.select("skip").wrap("skip"),
        graph.select("skip").unwrap(),
        graph.select("skip").insert_before("sigmoid"),
        graph.select("layers").wrap("skip"),
    ):
        assert len(around.select("tanh")) == 3
        assert len(around.select("relu")) == 1


def test_both_a_step_and_what_it_stands_in_are_edited_at_once() -> None:
    graph = elaborated(NET).select("skip | layers.*.relu").wrap("skip")
    assert len(graph.select("skip")) == 9
    assert len(graph.select("relu in skip")) == 3


def test_keys_stay_and_so_do_the_first_values_of_what_was_not_edited() -> None:
    made = spec(NET)
    before = made.graph("Net")
    old = made.build(before, seed=3).state_dict()
    for after in (
        before.select("relu").remove(),
        before.select("relu").insert_after("Dropout(0.1)"),
        before.select("Linear").insert_before("LayerNorm(elementwise_affine=false)"),
        before.select("layers.0.relu").replace("tanh -> sigmoid"),
        before.select("layers.*").wrap("skip"),
        before.select("swish | drop").remove(),
    ):
        new = made.build(after, seed=3).state_dict()
        assert list(new) == list(old)
        assert all((new[key] == old[key]).all() for key in old)


def test_a_removed_step_still_takes_its_number() -> None:
    before = elaborated(of("Linear(4); relu; skip { tanh; Linear(4) }; Linear(2)"))
    assert keys(before.select("relu").remove()) == keys(before)
    assert keys(before.select("skip").remove()) == ["0.weight", "0.bias", "4.weight", "4.bias"]
    wider = elaborated(of("Linear(8); relu; Linear(2)"))
    assert keys(wider.select("0").remove()) == ["2.weight", "2.bias"]


def test_what_is_inserted_takes_no_number_so_tensors_need_a_label() -> None:
    before = elaborated(of("Linear(4); relu; Linear(2)"))
    assert keys(before.select("relu").insert_after("norm: LayerNorm")) == [
        "0.weight", "0.bias", "norm.weight", "norm.bias", "2.weight", "2.bias",
    ]  # fmt: skip
    with pytest.raises(ArchError) as caught:
        before.select("relu").insert_after("LayerNorm")
    (problem,) = caught.value.problems
    assert (problem.code, str(problem.at), problem.at.text) == ("needs-label", "<insert after>:1:1", "LayerNorm")
    assert [(one.span.text, one.text) for one in problem.others] == [("relu", "inserted here")]


def test_what_no_longer_fits_is_a_problem_in_the_text_of_the_spec() -> None:
    with pytest.raises(ArchError) as caught:
        elaborated(NET).select("layers.1.fc2").set(out_features=7)
    (problem,) = [one for one in caught.value.problems if one.code == "shape-mismatch"]
    assert problem.at.source.name == "net.arch"
    assert problem.notes[-1] == "`layers.1.fc2` was set in `Net`"
    assert "D" in problem.message() or "6" in problem.message()


def test_the_text_may_differ_from_step_to_step() -> None:
    graph = elaborated(NET).select("**.fc1").replace(lambda one: f"Linear({one.attributes['out_features']}, bias=false)")
    assert graph == elaborated(NET).select("**.fc1").set(bias=False)
    wider = elaborated(NET).select("**.fc1").set(out_features=lambda one: 2 * one.attributes["out_features"])
    assert wider == elaborated(NET.replace("Res(4)", "Res(8)")) or keys(wider) == keys(elaborated(NET))


def test_names_in_an_edit_are_those_of_the_place_then_of_the_file() -> None:
    graph = elaborated(NET).select("layers.0.relu").replace("Linear(width) -> swish")
    assert [str(one.attributes["out_features"]) for one in graph.select("layers.0.1 | layers.0.fc1")] == ["4", "4"]
    with pytest.raises(ArchError, match="unknown-layer"):
        elaborated(NET).select("layers.0.relu").replace("Nope(width)")


def ops(graph: Graph) -> list[str]:
    """The operators in the order in which they run, those of called blocks in their places."""
    found = []
    for node in graph.nodes:
        member = graph.members.get(node.member or ())
        if isinstance(member, Call):
            found += ops(member.graph)
        else:
            op = node.op if node.op is not None else member.op
            found.append(f"{op.name}{sorted(map(str, op.items()))}")
    return found


def test_a_variant_is_edited_further_alone_and_where_it_is_mounted() -> None:
    program = (
        NET.replace("Linear(6)", "Linear(8)").replace("0.head: Linear(2)", "0.head: Linear(8)")
        + """
    variant Odd of Net { replace layers.*.relu with gelu; insert after **.fc1 { n: LayerNorm } }
    arch Two(x: [N, 8]) { o: Odd; p: Odd }
    """
    )
    odd = spec(program).graph("Odd").select("layers.0.gelu").replace("silu")
    assert [one.word for one in odd.select("gelu | silu")] == ["silu", "gelu", "gelu"]
    two = spec(program).graph("Two").select("p.layers.1.gelu").replace("tanh")
    assert [".".join(one.names[-1]) for one in two.select("tanh")] == ["p.layers.1.tanh"]
    assert len(two.select("gelu")) == 5
    assert len(two.select("**.n")) == 6
    assert spec(program).verify(two, bind={"N": 2}).ok


def test_what_is_put_around_in_the_same_text_moves_with_what_is_in_it() -> None:
    """The construct of a variant's edit stands in the text of what it is put around, and not around it there."""
    program = of("skip(add, when=false) { tanh; it * 2 + 1 }")
    lines = "insert after add { gelu }; wrap mul with skip; insert after block=Net and not [group] { tanh -> neg }"
    variant = spec(f"{program}\nvariant Edited of Net {{ {lines} }}").graph("Edited")
    graph = elaborated(program).select("add").insert_after("gelu").select("mul").wrap("skip")
    assert ops(variant) == ops(graph.select("block=Net and not [group]").insert_after("tanh -> neg"))


@pytest.mark.parametrize("body", ["fc: Linear(i)", '"fc{i + 1}": Linear(8)', "fc: Linear(8); let w = i; relu"])
def test_a_repeat_whose_body_reads_what_it_binds_is_not_unwrapped(body: str) -> None:
    with pytest.raises(ArchError, match="cannot be unwrapped: what is in it reads `i`, which it binds"):
        elaborated(of(f"repeat i in 1..2 {{ {body} }}")).select("[repeat]").unwrap()
    assert ops(elaborated(of("repeat i in 1..3 { fc: { Linear(8); relu } }")).select("[repeat]").unwrap()) == ops(
        elaborated(of("fc: { Linear(8); relu }"))
    )


def test_the_declaration_of_a_shared_layer_alone_is_not_taken_away() -> None:
    with pytest.raises(ArchError, match="declaration of a shared layer"):
        elaborated(of("shared f = Linear(8); f; relu; f")).select("Linear").remove()
