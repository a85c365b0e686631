"""YAML with line and column, long CSV tables, safe writing: the traps others fell into."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mfa import files, table_files
from mfa.errors import MfaError, Place


def refused(read: Any, *arguments: Any) -> str:
    with pytest.raises(MfaError) as caught:
        read(*arguments)
    return str(caught.value)


def yaml_error(text: str) -> str:
    return refused(files.parse_yaml, text, "f.yaml")


def csv_error(text: str) -> str:
    return refused(table_files.parse_table, text, "t.csv")


# --------------------------------------------------------------------- YAML


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NA", "NA"),
        ("NO", "NO"),
        ("ON", "ON"),
        ("yes", "yes"),
        ("n", "n"),
        ("1e-3", 0.001),
        ("1e6", 1e6),
        ("0123", 123),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", 1000),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("true", True),
        ("null", None),
        ("-0.5", -0.5),
        ("'1'", "1"),
        ("5 kg/kWh", "5 kg/kWh"),
    ],
)
def test_scalars_mean_what_they_look_like(text: str, value: Any) -> None:
    found = files.parse_yaml(f"a: {text}\n", "f.yaml")["a"]
    assert found == value
    assert type(found) is type(value)
    assert files.parse_value(text, "--set") == value


def test_namibia_and_norway_as_keys() -> None:
    assert files.parse_yaml("NO: 1\nNA: 2\n2020: 3\n", "f.yaml") == {"NO": 1, "NA": 2, 2020: 3}


def test_every_key_and_value_knows_its_place() -> None:
    root = files.parse_yaml("a: 1\nb:\n  c: [5,  7]\n", "f.yaml")
    assert files.place_of(root, ("b", "c")) == Place("f.yaml", 3, 6)
    assert files.place_of(root, ("b", "c"), key=True) == Place("f.yaml", 3, 3)
    assert files.place_of(root, ("b", "c", 1)) == Place("f.yaml", 3, 11)
    assert files.place_of(root, ("b", "missing")) == Place("f.yaml", 3, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4:3: duplicate key 'c' (first in line 3)"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: cannot be read: a tab; YAML is indented with spaces"),
        (
            "a:\n  b: 1\n\t c: 2\n",
            "f.yaml:3:1: cannot be read: a tab; YAML is indented with spaces",
        ),
        ("a: 1\n  b: 2\n", "f.yaml:2:4: cannot be read: mapping values are not allowed here"),
        ("", "f.yaml:1:1: the file is empty; start it with 'title: …'"),
        ("# only a remark\n", "f.yaml:1:1: the file is empty; start it with 'title: …'"),
        ("1.5: 2\n", "f.yaml:1:1: a key must be a name or a year, not 1.5; quote it"),
        ("true: 2\n", "f.yaml:1:1: a key must be a name or a year, not True; quote it"),
        ("a: *nowhere\n", "f.yaml:1:4: cannot be read: found undefined alias 'nowhere'"),
        ("a: 0b11\n", "f.yaml:1:4: '0b11' is not a number"),
        ("a: 1\nb: \x07\n", "f.yaml:2:4: character 7 is not allowed in YAML"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2: cannot be read: expected ',' or ']', but got ':'"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: cannot be read: but found another document"),
    ],
)
def test_wrong_yaml(text: str, message: str) -> None:
    assert yaml_error(text) == message


@pytest.mark.parametrize("text", ["- a\n", "text\n"])
def test_a_file_is_a_mapping(text: str) -> None:
    assert yaml_error(text).startswith("f.yaml:1:1: the file is a ")


def test_aliases_that_unfold_without_measure() -> None:
    names = "abcdefg"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in pairwise(names)]
    assert yaml_error("\n".join(lines)).endswith(
        "aliases unfold into more than 200,000 values; write them out"
    )


def test_aliases_may_be_used_with_measure() -> None:
    root = files.parse_yaml("a: &x {p: 1}\nb: *x\nc: *x\n", "f.yaml")
    assert root["b"] == root["c"] == {"p": 1}


@pytest.mark.parametrize("text", ["a: &x [*x]\n", "a: &x {b: *x}\n", "a: &x\n  b: {c: [1, *x]}\n"])
def test_an_alias_that_contains_itself(text: str) -> None:
    assert "is nested more than 100 levels deep; does an alias contain itself?" in yaml_error(text)


@pytest.mark.parametrize("depth", [101, 3000])
def test_nesting_without_measure(depth: int) -> None:
    assert "is nested more than 100 levels deep" in yaml_error(f"a: {'[' * depth}{']' * depth}\n")


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbftitle: x\n")
    root = files.read_yaml(tmp_path / "a.yaml")
    assert root == {"title": "x"}
    assert files.place_of(root, ("title",)).column == 8


@pytest.mark.parametrize(
    ("content", "place", "byte"),
    [(b"title: \xff\n", "1:8", "0xff"), (b"a: 1\nb:\n  c: caf\xe9\n", "3:9", "0xe9")],
)
def test_other_encodings_are_refused_at_their_byte(
    tmp_path: Path, content: bytes, place: str, byte: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    assert refused(files.read_yaml, path) == (
        f"{path}:{place}: byte {byte} is not UTF-8; save the file as UTF-8"
    )


def test_a_missing_file_is_answered_with_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "reference.yaml").write_text("title: x")
    assert refused(files.read_yaml, tmp_path / "refrence.yaml") == (
        f"there is no file {tmp_path}/refrence.yaml; {tmp_path} holds: reference.yaml"
    )
    assert refused(files.read_yaml, tmp_path) == f"{tmp_path} is a folder, not a file"


# ---------------------------------------------------------------------- CSV


def test_nothing_is_read_as_missing() -> None:
    table = table_files.parse_table("region,value\nNA,1\nNO,\nnan,NULL\n", "t.csv")
    assert table.columns == {"region": ("NA", "NO", "nan"), "value": ("1", "", "NULL")}
    assert len(table) == 3


def test_cells_know_line_and_column_also_behind_quotes_and_line_breaks() -> None:
    text = 'region,value,unit\n"x,1",3,t\n"two\nlines",oops,t\n"q""q",4,t\n"plain",5,t\n'
    table = table_files.parse_table(text, "t.csv")
    assert table.columns["region"] == ("x,1", "two\nlines", 'q"q', "plain")
    places = [
        (table.place(row, "value").line, table.place(row, "value").column) for row in range(4)
    ]
    assert places == [(2, 7), (4, 8), (5, 8), (6, 9)]
    assert table.place(1, "region") == Place("t.csv", 3, 1)
    assert table.place(1, "unit") == Place("t.csv", 4, 13)
    assert table.place(None, "unit") == Place("t.csv", 1, 14)


def test_places_below_blank_lines_and_in_windows_files() -> None:
    table = table_files.parse_table("\r\nregion,value\r\n\r\nN,1\r\nS,\r\n", "t.csv")
    assert table.place(None, "value") == Place("t.csv", 2, 8)
    assert table.place(0, "value") == Place("t.csv", 4, 3)
    assert table.place(1, "value") == Place("t.csv", 5, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2,3\n", "t.csv:2:1: 3 cells, but the header has 2: a, b"),
        ("a,b\n1,2\n1\n", "t.csv:3:1: 1 cells, but the header has 2: a, b"),
        ("a,a\n1,2\n", "t.csv:1:1: the header names 'a' twice"),
        ("a,b\n", "t.csv:1:1: the table has no rows; it needs a header and values"),
        ("", "t.csv:1:1: the table has no rows; it needs a header and values"),
        ('a,b\n"x,2\n', "t.csv:2:1: cannot be read as CSV: unexpected end of data"),
        ('a,b\n1,2\n"x"y,2\n', "t.csv:3:1: cannot be read as CSV: ',' expected after '\"'"),
    ],
)
def test_wrong_tables(text: str, message: str) -> None:
    assert csv_error(text) == message


# --------------------------------------------------------------- other files


def test_a_folder_may_not_be_left(tmp_path: Path) -> None:
    assert files.inside(tmp_path, "data/a.csv") == (tmp_path / "data/a.csv").resolve()
    for name in ("../a.csv", "data/../../a.csv", "/etc/passwd"):
        assert refused(files.inside, tmp_path, name) == (
            f"{name!r} lies outside the folder {tmp_path}; copy the file into it"
        )


def interrupted(target: Path) -> None:
    with files.replacing(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with files.replacing(target) as temporary:
        temporary.write_text("first")
    with pytest.raises(ZeroDivisionError):
        interrupted(target)
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_sha256_of_text_and_bytes() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert files.sha256("") == files.sha256(b"") == empty
