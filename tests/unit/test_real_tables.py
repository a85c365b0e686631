"""Tables that pymrio reads: its own test system, one with six regions and eight sectors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from mfa import demand
from mfa.errors import MfaError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pymrio = pytest.importorskip("pymrio")

ROW = ("emission_type1", "air")


@pytest.fixture(scope="module")
def table() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pymrio.load_test().calc_all()


def test_output_and_footprint_are_those_of_pymrio(table: Any) -> None:
    found = demand.from_pymrio(table, "emissions", ROW)
    output = demand.leontief_output(found.technical_coefficients, found.final_demand)
    np.testing.assert_allclose(output, np.asarray(table.x).ravel(), rtol=1e-9)
    whole = demand.material_multiplier(found.technical_coefficients, found.material_intensity)
    total = float((whole * found.final_demand).sum())
    np.testing.assert_allclose(total, float(table.emissions.F.loc[ROW].sum()), rtol=1e-9)
    assert found.sector.values[0] == "reg1, food" and found.sizes["sector"] == 48


def test_what_is_not_there_is_named(table: Any) -> None:
    with pytest.raises(MfaError, match='Did you mean "emissions"'):
        demand.from_pymrio(table, "emission", ROW)
    with pytest.raises(MfaError, match="has no row"):
        demand.from_pymrio(table, "emissions", ("emission_type3", "air"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = pymrio.load_test()
    with pytest.raises(MfaError, match=r"call table\.calc_all\(\) first"):
        demand.from_pymrio(raw, "emissions", ROW)
