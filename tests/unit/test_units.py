"""Units are checked where text becomes a number, and nowhere else."""

from __future__ import annotations

import pytest

from mfa import units
from mfa.errors import MfaError


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("3 kt", 3000.0, "t"),
        ("3 kilotonne", 3000.0, "t"),
        ("1 kt/yr", 1000.0, "t/yr"),
        ("2 Mt/yr", 2e6, "t/yr"),
        ("2 Gg", 2000.0, "t"),
        ("5 kg/kWh", 0.005, "t/kWh"),
        ("45 %", 0.45, "1"),
        ("45%", 0.45, "1"),
        ("2 %/yr", 0.02, "1/yr"),
        ("1e-3", 0.001, ""),
        ("1_000 t", 1000.0, "t"),
        ("-3 t", -3.0, "t"),
        (".5 t", 0.5, "t"),
        ("12 yr", 12.0, "yr"),
        ("12 a", 12.0, "yr"),
        ("3 million vehicle/yr", 3e6, "vehicle/yr"),
        ("1 GWh/yr", 1e6, "kWh/yr"),
        ("60 kWh/vehicle", 60.0, "kWh/vehicle"),
        ("5 USD/kg", 5000.0, "USD/t"),
        ("7", 7.0, ""),
    ],
)
def test_text_becomes_a_number_in_the_canonical_unit(text: str, value: float, unit: str) -> None:
    found = units.parse(text)
    assert found.value == pytest.approx(value, rel=1e-14)
    assert found.unit == unit
    assert found.element is None


def test_kt_is_a_kilotonne_and_no_knot() -> None:
    assert units.canonical("kt") == (1000.0, "t")


def test_365_25_days_make_a_year() -> None:
    assert units.parse("365.25 day").value == pytest.approx(1.0, rel=1e-14)


LITHIUM, CARBON, OXYGEN, HYDROGEN = 6.94, 12.011, 15.999, 1.008


@pytest.mark.parametrize(
    ("text", "element", "tonnes"),
    [
        ("1 t LCE", "Li", 2 * LITHIUM / (2 * LITHIUM + CARBON + 3 * OXYGEN)),
        ("1 kt Li2CO3/yr", "Li", 1000 * 2 * LITHIUM / (2 * LITHIUM + CARBON + 3 * OXYGEN)),
        ("1 t LiOH·H2O", "Li", LITHIUM / (LITHIUM + 2 * OXYGEN + 3 * HYDROGEN)),
        ("1 t LiOH.H2O", "Li", LITHIUM / (LITHIUM + 2 * OXYGEN + 3 * HYDROGEN)),
        ("1 t LiOH", "Li", LITHIUM / (LITHIUM + OXYGEN + HYDROGEN)),
        ("1 t Li", "Li", 1.0),
        ("1 t Co3O4", "Co", 3 * 58.933194 / (3 * 58.933194 + 4 * OXYGEN)),
        ("1 t NiSO4·6H2O", "Ni", 58.6934 / (58.6934 + 32.06 + 10 * OXYGEN + 12 * HYDROGEN)),
        ("1 kg Co/vehicle", "Co", 0.001),
    ],
)
def test_chemical_forms_become_contained_metal(text: str, element: str, tonnes: float) -> None:
    found = units.parse(text)
    assert found.element == element
    assert found.value == pytest.approx(tonnes, rel=1e-12)


def message(make: object, *arguments: str) -> str:
    with pytest.raises(MfaError) as caught:
        make(*arguments)  # type: ignore[operator]
    return str(caught.value)


def test_an_unknown_unit_is_answered_with_the_nearest() -> None:
    assert message(units.parse, "3 tonnne/yr").startswith(
        "unknown unit 'tonnne' in 'tonnne/yr'. Did you mean \"tonne\"? (units: GJ, GWh, Gg, "
    )
    assert message(units.canonical, "knot").startswith("unknown unit 'knot' in 'knot'. ")


@pytest.mark.parametrize("text", ["", "t", "many t", "1.2.3 t", "nan t", "inf"])
def test_what_is_no_number(text: str) -> None:
    assert message(units.parse, text) == (
        f"{text!r} is not a number with a unit; write it like '11 Mt' or '45 %'"
    )


@pytest.mark.parametrize("unit", [":30", "t;yr", "t + yr", "234 t"])
def test_what_is_no_unit(unit: str) -> None:
    assert message(units.canonical, unit).startswith(f"{unit!r} is not a unit")


def test_an_element_belongs_to_a_dimension_not_to_a_declared_unit() -> None:
    assert message(units.canonical, "t Li") == (
        "unit 't Li': an element belongs to a dimension, not to a unit here"
    )


def test_an_unknown_compound() -> None:
    assert message(units.metal_content, "Li2C03").startswith(
        "unknown compound 'Li2C03'. Did you mean \"Li2CO3\"?"
    )


def test_units_of_products() -> None:
    assert units.product("vehicle/yr", "kWh/vehicle", "kg/kWh") == "t/yr"
    assert units.product("1", "1") == "1"
    assert units.product("%", "t") == "t"
