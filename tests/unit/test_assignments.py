"""What stands inside a value: every table and every other parameter in it is found."""

from __future__ import annotations

from mfa.assignments import parameters_of, tables_of
from mfa.errors import Place
from mfa.forms import Fields, Vocabulary, read_form


def test_a_table_is_found_wherever_it_stands() -> None:
    """A changed field of an inherited law may be a table: its file has to be read as well."""
    words, here = (
        Vocabulary({}, {"logistic": ("saturation", "midpoint", "rate")}, ("income", "people")),
        Place("x.yaml"),
    )
    table = {"table": "data/x.csv", "before": "hold"}
    changed = read_form({"midpoint": table}, words, here)
    assert isinstance(changed, Fields)
    assert [each.path for each in tables_of(changed)] == ["data/x.csv"]
    law = read_form(
        {
            "law": "logistic",
            "of": "income",
            "times": "people",
            "saturation": table,
            "midpoint": 1,
            "rate": 2,
        },
        words,
        here,
    )
    assert [each.path for each in tables_of(law)] == ["data/x.csv"]
    assert list(parameters_of(law)) == ["income", "people"]
