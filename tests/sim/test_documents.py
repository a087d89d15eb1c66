"""YAML as plain data with places, and the text of faults."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from karyon.sim import documents
from karyon.sim.documents import Fault, InputError, Source

TEXT = """\
kind: platoon
radio: {loss: 10}
faults:
  - {vehicle: 2, mode: 'freeze'}
  - *none
"""


def compose(text):
    return documents.compose(Source("file.yaml", text))


def refused(text):
    with pytest.raises(InputError) as error:
        compose(text)
    return error.value.faults


def test_every_key_and_value_knows_its_place():
    """Line and column from 1, and the width of what stands there."""
    document = compose(TEXT.replace("*none", "3"))
    for place, at in [
        (document.place(("kind",)), (1, 7, "platoon")),
        (document.place(("radio", "loss")), (2, 15, "10")),
        (document.place_of_key(("radio", "loss")), (2, 9, "loss")),
        (document.place(("faults", 0, "mode")), (4, 24, "'freeze'")),
        (document.place(("faults", 1)), (5, 5, "3")),
    ]:
        fault = place.fault("")
        assert (fault.line, fault.column, place.text, fault.width) == (*at, len(at[2]))


def test_what_has_no_place_of_its_own_is_where_it_would_stand():
    """A missing field is shown at what should hold it; so is what stands behind an alias."""
    document = compose("a: &x {b: 1}\nc: *x\n")
    assert document.place(("a", "missing")).text == "{b: 1}"
    assert document.place(("c", "b")).text == "*x"
    assert document.at(("c", "b")) == 1
    assert document.at(("c", "missing", 0)) is None


def test_a_fault_is_shown_with_its_line_and_a_caret():
    """The form of house-style.md, to the character."""
    place = compose("kind: platoon\nradio: {loss: 10}\n").place(("radio", "loss"))
    assert str(place.fault("radio.loss is a share from 0 to 1, found 10", "for 10 % write 0.1")) == (
        "file.yaml:2:15: error: radio.loss is a share from 0 to 1, found 10\n"
        "   2 | radio: {loss: 10}\n"
        "     |               ^^ for 10 % write 0.1"
    )


def test_a_fault_in_an_option_is_shown_in_the_option():
    """There is no line, but there is a caret."""
    place = documents.setting("radio.lss=1", ("radio", "lss")).place_of_key(("radio", "lss"))
    assert str(place.fault("radio has no field `lss`", "did you mean `loss`?")) == (
        "--set radio.lss=1: error: radio has no field `lss`\n"
        "     | --set radio.lss=1\n"
        "     |             ^^^ did you mean `loss`?"
    )


def test_a_report_counts_the_faults():
    """Ten thousand faults are not ten thousand lines."""
    fault = Fault("file.yaml", None, None, 0, "is missing")
    assert documents.report([fault], "nothing was run") == "file.yaml: error: is missing\n1 error, nothing was run"
    many = documents.report([fault] * 10_000, "nothing was run").splitlines()
    assert many[-2:] == ["... and 9980 more", "10000 errors, nothing was run"]
    assert len(many) == documents.SHOWN_MAX + 2


def test_a_file_does_not_drive_the_terminal():
    """Control characters, and those that turn the writing round, are shown as signs."""
    fault = Fault("a\x1b[31m", 1, 1, 1, "found \u202e\x07", "\x00", "\x1b]0;x")
    assert not set(str(fault)) & set("\x1b\x07\x00\u202e")


def test_the_caret_stands_below_wide_characters():
    """A character of two columns takes two carets."""
    fault = Source("f", "信号: 汽车\n").fault(4, 6, "message")
    assert str(fault).splitlines()[1:] == ["   1 | 信号: 汽车", "     |       ^^^^"]


def test_of_a_long_line_the_part_around_the_fault_is_shown():
    """The caret is in the part, and the part is short."""
    line = "x" * 5000 + "bad" + "y" * 5000
    _, excerpt, caret = str(Source("f", line).fault(5000, 5003, "message")).splitlines()
    assert excerpt[caret.index("^") : caret.rindex("^") + 1] == "bad"
    assert len(excerpt) < 130


def test_many_faults_in_one_long_line_share_it():
    """Each keeps the part around it, not half a megabyte of text."""
    count = documents.VALUES_MAX // 2
    faults = refused("{" + ", ".join(["a: 1"] * count) + "}")
    assert len(faults) == count - 1
    assert max(len(fault.excerpt) for fault in faults) < 130


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_of_all_systems_count_the_same(ending):
    """The same lines and columns, and a byte order mark is not a character."""
    document = compose("kind: acc\nseed: 7\n".replace("\n", ending))
    fault = document.place(("seed",)).fault("")
    assert (fault.line, fault.column, fault.excerpt) == (2, 7, "seed: 7")


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("yes", "yes"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("007", 7),
        ("-3", -3),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0.5", 0.5),
        (".5e1", 5.0),
        ("1e309", float("inf")),
        ("-.inf", float("-inf")),
        ("2001-01-01", "2001-01-01"),
        ("1 s", "1 s"),
        ("'3'", "3"),
    ],
)
def test_plain_values_are_those_of_yaml_1_2(plain, value):
    """`yes` is a text, and nothing becomes a date or a number to the base of 60."""
    assert compose(f"a: {plain}").data["a"] == value
    assert type(compose(f"a: {plain}").data["a"]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "a: [" * 10_000,
        "- " * 10_000,
        "? " * 10_000,
        "{a: " * 10_000,
        "&a " * 10_000,
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
        "a: &a [*a]",
        "a: *a",
        "a: !!python/object:os.system x",
        "!x a: 1",
        "a: 1\n---\nb: 2",
        "%YAML 3.0\n--- a",
        "a: '",
        "a\tb: 1\n\t- c",
        'a: "\\U99999999"',
        'a: "\\ud800"',
        "a: \x00",
        "a: 1\na: 2",
        "[1]: 2",
        "*a : 2",
        "a: |9\n b",
    ],
)
def test_what_is_not_plain_yaml_is_refused(text):
    """Quickly, with a place, and never by another exception."""
    began = time.process_time()
    faults = refused(text)
    assert faults[0].line
    assert faults[0].message
    assert time.process_time() - began < 2.0


def test_everything_that_is_wrong_with_the_names_is_said_at_once():
    """Double names and tags do not hide each other."""
    faults = refused("a: 1\nb: !x 2\na: 3\n")
    assert [(fault.line, fault.column) for fault in faults] == [(2, 4), (3, 1)]


@given(st.text(alphabet=st.sampled_from("ab:- \n\t'\"[]{}&*!|>#%,?1.\\~\x00é"), max_size=40))
def test_any_text_is_read_or_refused(text):
    """What is read is what ruamel reads; nothing but InputError is raised."""
    try:
        document = compose(text)
    except InputError as error:
        assert str(error)
        return
    assert _same(document.data, YAML(typ="base", pure=True).load(text))


def _same(data, texts):
    """Whether `texts` is the same data with each scalar as it is written."""
    if isinstance(data, dict):
        return data.keys() == texts.keys() and all(_same(data[key], texts[key]) for key in data)
    if isinstance(data, list):
        return len(data) == len(texts) and all(map(_same, data, texts))
    return data == texts or data == documents.resolved(texts or "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"a: \xff\n"), "not UTF-8: found byte 0xff"),
        (lambda path: path.write_bytes(b"PAR1\x15\0\xff"), "is no text file"),
        (lambda path: path.write_bytes("a: 1".encode("utf-16")), "not UTF-8"),
        (lambda path: path.write_bytes(b"#" * (documents.BYTES_MAX + 1)), "larger than"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, make, message):
    """Its name, and why."""
    path = tmp_path / "file.yaml"
    make(path)
    with pytest.raises(InputError) as error:
        documents.load(path)
    assert str(path) in str(error.value)
    assert message in str(error.value).lower() or message in str(error.value)


@pytest.mark.parametrize("name", ["a\0b", "x" * 400, "\udcff"])
def test_a_name_that_no_file_can_have_is_refused(name):
    """As is a name that is no UTF-8: it can be printed."""
    with pytest.raises(InputError) as error:
        documents.load(Path(name))
    assert str(error.value).encode()


def test_merging_replaces_lists_and_merges_mappings():
    """And places are those of what is there now."""
    base = documents.compose(Source("base", "a: {b: 1, c: [1, 2]}\nd: 3\n"))
    over = documents.compose(Source("over", "a: {c: [4], e: 5}\nd: {f: 6}\n"))
    merged = documents.merged(base, over)
    assert merged.data == {"a": {"b": 1, "c": [4], "e": 5}, "d": {"f": 6}}
    origin = {path: merged.place(path).source.where for path in [("a", "b"), ("a", "c", 0), ("a", "e"), ("d", "f")]}
    assert list(origin.values()) == ["base", "over", "over", "over"]
    assert ("a", "c", 1) not in merged.values


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("vehicel", "vehicle"), ("lss", "loss"), ("weather", ""), ("", ""), ("x" * 9999, "")]
)
def test_a_suggestion_is_near_or_not_made(misspelt, meant):
    """A far-fetched one is worse than none."""
    assert documents.suggestion(misspelt, ["vehicle", "loss", "latency", "period"]) == meant


def test_a_mapping_of_places_is_laid_on_those_entries_of_a_list() -> None:
    base = compose("points: [[0, 25], [20, 15]]\nother: 1\n")
    over = documents.compose(Source("over", "points: {1: {0: 30}}\n"))
    laid = documents.merged(base, over)
    assert laid.data == {"points": [[0, 25], [30, 15]], "other": 1}
    assert str(laid.place(("points", 1, 0)).fault("here")).startswith("over:1:")
    assert str(laid.place(("points", 1, 1)).fault("here")).startswith("file.yaml:1:")


@pytest.mark.parametrize("name", ["'2'", "'-1'", "one", "'1.0'", "2: 1, 0"])
def test_a_name_that_is_no_place_in_a_list_replaces_the_list(name: str) -> None:
    over = compose(f"points: {{{name}: 3}}\n")
    assert documents.merged(compose("points: [1, 2]\n"), over).data == over.data


def test_an_empty_mapping_replaces_a_list() -> None:
    assert documents.merged(compose("points: [1, 2]\n"), compose("points: {}\n")).data == {"points": {}}
