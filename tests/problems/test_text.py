"""The text renderer: every picture here was drawn by hand, none copied from the renderer."""

from __future__ import annotations

import re
import unicodedata
from textwrap import dedent

from archdsl.problems.problem import Fix, Frame, Label
from archdsl.problems.render.text import closing_line, render
from archdsl.source import Source, Span

NET = "\n" * 11 + "  skip {\n    conv1: Conv2d(64, 1)\n    relu\n\n    conv3: Conv2d(256, 1)\n  }\n"


def test_the_example_of_the_reference(sample) -> None:
    problem = sample(
        NET, "skip", "the two sides differ in axis 1: 256 and 64", ("conv3: Conv2d(256, 1)", "the body ends as [N, 256, 56, 56]"),
        said="cannot add [N, 256, 56, 56] and [N, 64, 56, 56]", notes=("the shortcut is the identity: [N, 64, 56, 56]",),
        help="project it: } via downsample: Conv2d(256, 1)",
    )  # fmt: skip
    assert render([problem]) == dedent("""\
        error[sample-mismatch]: cannot add [N, 256, 56, 56] and [N, 64, 56, 56]
          --> net.arch:12:3
           |
        12 |   skip {
           |   ^^^^ the two sides differ in axis 1: 256 and 64
        16 |     conv3: Conv2d(256, 1)
           |     --------------------- the body ends as [N, 256, 56, 56]
           |
           = the shortcut is the identity: [N, 64, 56, 56]
           = help: project it: } via downsample: Conv2d(256, 1)
        """)


def test_far_lines_are_parted_by_dots(sample) -> None:
    problem = sample("a\n" + "\n" * 20 + "b\n", "b", "here", ("a", "fixed here"))
    assert "- fixed here\n...\n22 | b\n" in render([problem])


def test_several_labels_on_one_line_hang_below(sample) -> None:
    problem = sample("left + right\n", "+", "cannot add", ("left", "this is [N]"), ("right", "this is [M]"))
    assert render([problem]) == dedent("""\
        error[sample-mismatch]: cannot add [N, 256] and [N, 64]
         --> net.arch:1:6
          |
        1 | left + right
          | ---- ^ ----- this is [M]
          | |    cannot add
          | this is [N]
        """)


def test_overlapping_labels_take_rows_of_their_own(sample) -> None:
    shown = render([sample("f(abc)\n", "abc", "this", ("f(abc)", "the call"))]).splitlines()
    assert shown[-2:] == ["  |   ^^^ this", "  | ------ the call"]


def test_tabs_and_wide_characters_are_aligned(sample) -> None:
    line, marks = render([sample('\t"漢字é" + x\n', "x", "here")]).splitlines()[3:5]
    before = line[: line.index("x")]
    cells = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in before)
    assert marks.index("^") == cells


def test_a_combining_accent_takes_no_cell(sample) -> None:
    line, marks = render([sample("e\u0301e\u0301 x\n", "x", "here")]).splitlines()[3:5]
    assert marks.index("^") == line.index("x") - 2


def test_a_span_of_several_lines_is_shown_by_its_first(spot, sample) -> None:
    problem = sample("skip {\n  a\n}\n", "skip {\n  a\n}", "all of it")
    assert render([problem]).splitlines()[3:] == ["1 | skip {", "  | ^^^^^^ all of it"]


def test_the_end_of_a_text_and_an_empty_text_have_a_caret(sample) -> None:
    kind = type(sample("a", "a"))
    for text, number in (("", 1), ("a\n", 2), ("a", 1)):
        source = Source("net.arch", text)
        shown = render([kind(at=Span(source, len(text), len(text)), label="something is missing")])
        assert f"{number} |" in shown
        assert "^ something is missing" in shown


def test_other_files_come_after_with_their_own_head(sample) -> None:
    other = Source("lib/blocks.arch", "\nblock Stem\n")
    problem = sample("a\n", "a", "used here", warning=True)
    problem = type(problem)(at=problem.at, label=problem.label, others=(Label(Span(other, 1, 6), "made here"),))
    assert render([problem]) == dedent("""\
        warning[sample-caution]: cannot add [N, 256] and [N, 64]
         --> net.arch:1:1
          |
        1 | a
          | ^ used here
         ::: lib/blocks.arch:2:1
          |
        2 | block Stem
          | ----- made here
        """)


def test_the_chain_of_calls_is_told_and_a_long_one_shortened(sample) -> None:
    source = Source("net.arch", "abc\n")
    frames = tuple(Frame(f"B{i}", Span(source, 0, 1)) for i in range(20))
    shown = render([sample("abc\n", "a", chain=frames[:1])])
    assert "  = in block B0 called at net.arch:1:1\n" in shown
    shown = render([sample("abc\n", "a", chain=frames)])
    assert shown.count("called at") == 8
    assert "  = ... 12 more\n" in shown


def test_a_fix_is_told_unless_the_help_says_it(sample) -> None:
    span = Span(Source("net.arch", "a\n"), 0, 1)
    assert "= help: write `b`\n" in render([sample("a\n", "a", fix=Fix(span, "b", "write `b`"))])
    assert render([sample("a\n", "a", help="write `b`", fix=Fix(span, "b", "write `b`"))]).count("write `b`") == 1


def test_control_characters_never_reach_the_terminal(sample) -> None:
    hostile = "\x1b]0;owned\x07 \x1b[2J \u202e \u200b \u2028 \x9b31m \x7f \ud800 é 漢"
    problem = sample(f"a {hostile}\n", "a", hostile, said=hostile, notes=(hostile,), help=hostile)
    shown = render([problem])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert "é 漢" in shown


def test_a_file_name_is_shown_safely(sample) -> None:
    problem = type(sample("a", "a"))(at=Span(Source("\x1b[31mnet\n.arch", "a"), 0, 1))
    assert "--> \\x1b[31mnet\\n.arch:1:1\n" in render([problem])


def test_long_lines_are_clipped_around_the_caret(sample) -> None:
    text = "x" * 300_000 + " fault " + "y" * 300_000 + "\n"
    shown = render([sample(text, "fault", "here", ("yyy", "far"))])
    assert max(map(len, shown.splitlines())) < 140
    line, marks = shown.splitlines()[3:5]
    start = marks.index("^")
    assert line[start : start + 5] == "fault"
    assert marks[start : start + 6] == "^^^^^ "


def test_a_label_outside_the_window_gets_a_line_of_its_own(sample) -> None:
    text = "first" + "." * 500 + "second\n"
    rows = render([sample(text, "second", "one", ("first", "two"))]).splitlines()
    for word in ("first", "second"):
        at = next(i for i, row in enumerate(rows) if word in row)
        start = rows[at].index(word)
        assert rows[at + 1][start : start + len(word)] in ("^" * len(word), "-" * len(word))


def test_colour_only_adds_codes(sample) -> None:
    problems = [sample(NET, "skip", "differ", ("conv3", "the body"), help="mend", warning=warning) for warning in (False, True)]
    plain, colored = render(problems), render(problems, color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in colored
    assert "\x1b[1;33m" in colored
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == plain


def test_at_most_a_hundred_are_shown(sample) -> None:
    shown = render([sample("a\n", "a")] * 103)
    assert shown.count("error[") == 100
    assert shown.endswith("... and 3 more\n")


def test_the_closing_line_counts(sample) -> None:
    one, other = sample("a", "a"), sample("a", "a", warning=True)
    assert closing_line([]) == ""
    assert closing_line([one, other, one]) == "2 errors, 1 warning"
    assert closing_line([other, other]) == "2 warnings"
