"""A hypothesis strategy for programs, composed as the grammar is, with comments and new lines where they may stand."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = st.sampled_from(["a", "b", "x", "Linear", "conv1", "width", "N", "_", "is_it"])
LABEL_WORDS = WORDS | st.sampled_from(["head", "if", "block", "scan", "in", "0", "12", '"l{i}.x"'])
NUMBERS = st.sampled_from(["0", "1", "50_257", "0.5", "1e-5", "2.5E+3"])
SIGNS = st.sampled_from(["**", "*", "/", "//", "%", "@", "+", "-"])
REMARKS = st.sampled_from(["", "", "", "", "# c", "## d", "#", "# x  "])
INDENTS = st.sampled_from(["", " ", "  ", "\t", "      "])


@st.composite
def gap(draw: st.DrawFn) -> str:
    """What may stand between two tokens inside ( ) and [ ]."""
    blank = draw(st.sampled_from(["", "", "", " ", "   ", "\n", "\n\n  "]))
    remark = draw(REMARKS) if "\n" in blank else ""
    return f" {remark}{blank}" if remark else blank


@st.composite
def line_end(draw: st.DrawFn) -> str:
    """A new line, with a comment before it or on lines of their own."""
    text = ""
    remark = draw(REMARKS)
    text += f"  {remark}\n" if remark else "\n"
    for _ in range(draw(st.integers(0, 2))):
        text += draw(INDENTS) + draw(REMARKS) + "\n"
    return text + draw(INDENTS)


def listed(parts: st.SearchStrategy[str], opener: str, closer: str, least: int = 0) -> st.SearchStrategy[str]:
    """Parts with commas in brackets, with gaps and perhaps a comma at the end."""

    @st.composite
    def build(draw: st.DrawFn) -> str:
        inside = draw(st.lists(parts, min_size=least, max_size=4))
        comma = "," if inside and draw(st.booleans()) else ""
        text = (draw(gap()) + "," + draw(gap())).join(inside)
        return opener + draw(gap()) + text + comma + draw(gap()) + closer

    return build()


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    named = st.tuples(LABEL_WORDS.filter(str.isidentifier), inner).map("=".join)
    args = st.one_of(inner, named, inner.map(lambda x: f"{x} -> f"))
    index = st.one_of(inner, st.just(":"), inner.map(lambda x: f"{x}:"), inner.map(lambda x: f": {x} :2"), st.just("..."))
    return st.one_of(
        st.tuples(inner, st.sampled_from(["", " "]), SIGNS, inner).map(lambda p: f"({p[0]}){p[1]}{p[2]}{p[1]}({p[3]})"),
        st.tuples(WORDS, SIGNS, WORDS).map("".join),
        st.tuples(WORDS, SIGNS, NUMBERS).map(" ".join),
        inner.map(lambda x: f"-({x})"),
        inner.map(lambda x: f"not ({x})"),
        st.tuples(WORDS, st.sampled_from(["==", "<", "in", "..", "and", "or"]), WORDS).map(" ".join),
        st.tuples(inner, inner, inner).map(lambda p: f"(({p[0]}) if ({p[1]}) else ({p[2]}))"),
        st.tuples(WORDS, listed(args, "(", ")")).map("".join),
        listed(args, "(", ")", least=1),
        listed(inner, "[", "]"),
        st.tuples(WORDS, listed(index, "[", "]", least=1)).map("".join),
        inner.map(lambda x: f"[{x} for (a, b) in {x}]"),
        inner.map(lambda x: f"({x}).weight.0"),
        inner.map(lambda x: f"f({{ a: g; {x} }})"),
    )


SELECTORS = st.sampled_from(
    ["relu", "layer*.*.bn?", 'a in B and not "with"', "(a or b)  in [skip]", "Conv2d(groups=1, k=[3, 3])", "of.set", "~x & y | z"]
)
EXPRESSIONS = st.recursive(WORDS | NUMBERS | st.sampled_from(["it", "none", "true", '"b c -> b"']), _wider, max_leaves=6)
LABELS = st.lists(LABEL_WORDS.filter(lambda word: word[0] != '"'), min_size=1, max_size=3).map(".".join) | st.just('"l{i}".0')
STEPS = st.one_of(EXPRESSIONS, st.tuples(LABELS, st.sampled_from([": ", ":"]), EXPRESSIONS).map("".join))


@st.composite
def chains(draw: st.DrawFn) -> str:
    """Links with arrows, broken before or after some."""
    text = draw(STEPS)
    text = f"({text})" if text.startswith("-") else text  # no statement starts with a sign
    for _ in range(draw(st.integers(0, 3))):
        text += draw(line_end()) if draw(st.booleans()) else " "
        text += "->" + (draw(line_end()) if draw(st.integers(0, 4)) == 0 else " ") + draw(STEPS)
    return text + draw(st.sampled_from(["", "", " as y", " as (y, z)"]))


@st.composite
def bodies(draw: st.DrawFn, depth: int = 2) -> str:
    """`{ … }`, on one line or on many."""
    inside = draw(st.lists(statements(depth - 1), max_size=3)) if depth else []
    if draw(st.booleans()):
        return "{ " + "; ".join(inside) + " }"
    return "{" + draw(line_end()) + "".join(one + draw(line_end()) for one in inside) + "}"


@st.composite
def statements(draw: st.DrawFn, depth: int = 2) -> str:
    """A statement of nearly every kind."""
    value, body = draw(EXPRESSIONS), draw(bodies(depth)) if depth > 0 else "{}"
    chain = draw(chains())
    join = draw(line_end()) if draw(st.integers(0, 3)) == 0 else " "
    return draw(
        st.sampled_from(
            [
                chain,
                f"y = {chain}",
                f"a,b={chain}",
                f"let n = {value}",
                f'require {value}, "why"',
                f"param p = x.0: [D, {value}] = {value}",
                f"buffer( persistent=false ) m: bool[K] = {value}",
                f"shared f = {value}",
                "init Conv2d.weight = normal",
                f"head out when training {body}",
                f"label: {body}",
                f"if {value} {body}{join}else if {value} {body}{join}else {body}",
                f"skip(add, when={value}) {body}{join}via proj: f",
                f"repeat i,(a,b) in ({value}) {body}",
                f"branch( concat ) r in ({value}) {body}",
                f"y = scan a in A , b in B over axis -1 reverse {body}",
                f"yield {value}, {value}",
                f"expect {{ params == 3; ({value}) < 2 }}",
            ]
        )
    )


@st.composite
def variants(draw: st.DrawFn) -> str:
    """A variant with an edit or two."""
    chain, selector = draw(chains()), draw(SELECTORS)
    edit = st.sampled_from(
        [
            f"set n = {draw(EXPRESSIONS)}, m={draw(EXPRESSIONS)}",
            f"set n = {draw(EXPRESSIONS)} for {selector}",
            f"replace {selector} with {chain}",
            f"replace {selector}\n with {chain}",
            f"insert after {selector} {draw(bodies(1))}",
            f"insert before {selector}{{{draw(line_end())}relu }}",
            f"wrap {selector} with a.0: skip(mul){draw(st.sampled_from(['', ' {}', ' via b: f']))}",
            f"wrap {selector}  with repeat 2",
            f"remove  {selector}",
            f"unwrap {selector}",
            "expect { params == 3 }",
        ]
    )
    edits = [draw(edit) for _ in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        return "variant V of A { " + "; ".join(edits) + " }"
    return "variant V of A{" + draw(line_end()) + "".join(one + draw(line_end()) for one in edits) + "}"


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Some items, with comments between them."""
    text = draw(st.sampled_from(["", "## The file.\n", "\n# c\n\n"]))
    for _ in range(draw(st.integers(1, 3))):
        header = draw(listed(st.sampled_from(["n: int", "x: [N, 4*C] = none", "l: list[int]|none = [1,2]"]), "(", ")"))
        body = draw(bodies())
        arrow = draw(st.sampled_from(["", " -> [N], y: i64[B] when training", "\n   -> [N]"]))
        item = st.sampled_from(
            [
                f"block B{header}{header}{arrow} {body}",
                f"arch A {header}{arrow}{body}",
                f"fn f{header} =\n {draw(EXPRESSIONS)}",
                f"arch V = A(1) {body}",
                draw(variants()),
                f"let x , y = {draw(EXPRESSIONS)}",
                "use a.b{C,D as E}",
                'use "./x.arch" {\n C, # c\n D\n}',
            ]
        )
        text += draw(item) + draw(line_end()).rstrip(" \t") + draw(st.sampled_from(["", "\n\n\n", "## doc\n"]))
    return text
