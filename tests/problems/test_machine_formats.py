"""concise, json, sarif and github: what machines read must be well-formed whatever the program says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import archdsl.problems.render as rooms
from archdsl.problems.problem import Fix, Frame
from archdsl.problems.render import concise, github, sarif
from archdsl.problems.render import json as as_json
from archdsl.source import Source, Span

SCHEMA = json.loads((Path(rooms.__file__).parent / "problems.schema.json").read_text())
HOSTILE = "50% \x1b[2J ::error::, a:b\r\n</script> \u202e 漢 \U0001f600"


@pytest.fixture
def problems(sample):
    source = Source("net.arch", "one\n漢字 two three\n")
    plain = sample("one\n漢字 two three\n", "two", "this", ("three", "that"), chain=(Frame("B", Span(source, 0, 3)),))
    fixed = sample("a\n", "a", fix=Fix(Span(source, 7, 10), "2", "write `2`"), help="write `2`")
    return [plain, fixed, sample("a\n", "a", HOSTILE, said=HOSTILE, notes=(HOSTILE,), help=HOSTILE, warning=True)]


def test_concise_is_one_line_a_problem(problems) -> None:
    lines = concise.render(problems).splitlines()
    assert lines[0] == "net.arch:2:4: error[sample-mismatch]: cannot add [N, 256] and [N, 64]"
    assert len(lines) == 3
    assert all(char.isprintable() for char in "".join(lines))


def test_json_obeys_its_schema(problems) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(as_json.render(problems)), SCHEMA)
    jsonschema.validate(json.loads(as_json.render([])), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(as_json.render(problems)), "version": 2}, SCHEMA)


def test_json_counts_all_and_lists_a_hundred(sample) -> None:
    told = json.loads(as_json.render([sample("a", "a")] * 130))
    assert (told["errors"], told["warnings"], told["hidden"], len(told["problems"])) == (130, 0, 30, 100)


def test_json_places_and_facts(problems) -> None:
    told = json.loads(as_json.render(problems))["problems"]
    assert told[0]["start"] == {"line": 2, "column": 4, "offset": 7}
    assert told[0]["end"] == {"line": 2, "column": 7, "offset": 10}
    assert told[0]["others"][0]["label"] == "that"
    assert told[0]["chain"][0]["block"] == "B"
    assert told[1]["fix"]["text"] == "2"
    assert told[2]["message"] == HOSTILE


def test_sarif_has_what_the_standard_asks_for(problems) -> None:
    log = json.loads(sarif.render(problems))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["sample-caution", "sample-mismatch"]
    assert run["columnKind"] == "unicodeCodePoints"
    for result, problem in zip(run["results"], problems, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == problem.code
        assert result["level"] in ("error", "warning", "note", "none")
        assert problem.message() in result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) == problem.at.source.position(problem.at.start)
        assert region["charLength"] == problem.at.end - problem.at.start
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "net.arch"
    replacement = run["results"][1]["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"] == {"text": "2"}
    assert [one["message"]["text"] for one in run["results"][0]["relatedLocations"]] == ["that", "in block B called here"]


def test_sarif_uris_are_escaped(sample) -> None:
    problem = type(sample("a", "a"))(at=Span(Source("./my nets/50%#1.arch", "a"), 0, 1))
    uri = json.loads(sarif.render([problem]))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uri"
    ]
    assert uri == "my%20nets/50%25%231.arch"


def test_sarif_fingerprints_survive_new_lines_above_and_tell_equal_faults_apart(sample) -> None:
    def prints(*problems):
        results = json.loads(sarif.render(problems))["runs"][0]["results"]
        return [one["partialFingerprints"]["archdsl/v1"] for one in results]

    before = prints(sample("x + y\n", "+"))
    assert prints(sample("\n\nx + y\n", "+")) == before
    assert prints(sample("x + z\n", "+")) != before
    assert len(set(prints(sample("x + y\n", "+"), sample("x + y\n", "+")))) == 2


def test_github_commands_are_escaped(problems) -> None:
    lines = github.render(problems).split("\n")
    assert lines[-1] == ""
    assert len(lines) == 4
    assert lines[0] == (
        "::error title=archdsl (sample-mismatch),file=net.arch,line=2,endLine=2,col=4,endColumn=7"
        "::cannot add [N, 256] and [N, 64]%0Anet.arch:2:8: that%0Ain block B called at net.arch:1:1"
    )
    assert lines[2].startswith("::warning title=")
    assert "50%25 \\x1b[2J" in lines[2]
    assert "\r" not in lines[2]


def test_github_properties_end_at_no_comma_or_colon_of_a_name(sample) -> None:
    problem = type(sample("a", "a"))(at=Span(Source("C:\\a,b.arch", "a"), 0, 1))
    assert "file=C%3A\\a%2Cb.arch,line=1" in github.render([problem])


def test_github_gives_no_columns_over_several_lines(sample) -> None:
    assert "col=" not in github.render([sample("a\nb\n", "a\nb")])
