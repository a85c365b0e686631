"""YAML text: whatever is written is read as the same, by our reader and by another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mfa import yaml_text
from mfa.files import parse_yaml
from mfa.manifest import plain

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["no", "1e3", "0x1F", "12 yr", "45 %", "- a", "a: b", "a #b", "~", "", " a", "a ", "2001-12-14",
         "1_000", ".5", "1:30", "*a", "&a", "!a", "|", ">", "%YAML", "---", "...", "a\tb", "ü", "\u2028",
         "12 e3", "1.5 e", "null", "Yes", "=", "<<", "?", "a,b", "[", "{}", "a - b", "O", "0o7", "+1"]
    ),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False),
    TEXTS,
)
KEYS = st.one_of(TEXTS, st.integers(-9999, 9999))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_what_is_written_is_read_as_the_same(content: dict[str, Any]) -> None:
    text = yaml_text.to_text(content)
    assert plain(parse_yaml(text, "x.yaml")) == content
    assert YAML(typ="safe", pure=True).load(text) == content


def test_a_mapping_at_several_places_is_written_once() -> None:
    system = {"title": "x", "dims": {"a": ["b"]}}
    flat = {"leaf": 1}
    content = {"all": [{"n": 1, "system": system}, {"n": 2, "system": system}], "x": [flat, flat]}
    text = yaml_text.to_text(content)
    assert text.count("title: x") == 1
    assert text.count("leaf") == 1
    assert plain(parse_yaml(text, "x.yaml")) == content


@pytest.mark.parametrize("number", [0.1, 1e-300, 1.7976931348623157e308, -0.0, 1e22, 123456789.123])
def test_numbers_keep_every_bit(number: float) -> None:
    (again,) = parse_yaml(yaml_text.to_text({"x": number}), "x.yaml").values()
    assert isinstance(again, float)
    assert repr(again) == repr(number)
