"""Reconciliation against closed forms and a published example, through systems where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mfa
from mfa import reconciliation
from mfa.reconciliation.gross_errors import suspects

HERE = Path(__file__).parent
CASES = {
    case["id"]: case
    for case in json.loads((HERE / "cases" / "reconciliation.json").read_text("utf-8"))["cases"]
}


def agrees(label: str, **found: Any) -> None:
    case = CASES[label]
    for name, value in found.items():
        np.testing.assert_allclose(
            value, case["expected"][name], case["rtol"], 1e-9, err_msg=f"{label} {name}"
        )


def chain(**more: Any) -> mfa.System:
    return mfa.System(
        title="One process",
        parameters={"demand": {"dims": ["year"], "unit": "t/yr"}, "share": {}},
        processes={
            "abroad": {"rule": "source"},
            "refine": {"rule": "make", "from": "abroad"},
            "use": {"rule": "sink", "takes": "demand", "from": "refine"},
            **more,
        },
    )


def test_import_and_export_of_one_process() -> None:
    given = CASES["REC-01"]["inputs"]
    found = mfa.reconcile(
        chain(),
        {
            "abroad_to_refine": (given["flows"][0], given["sd"][0]),
            "refine_to_use": (given["flows"][1], given["sd"][1]),
        },
    )
    agrees(
        "REC-01",
        reconciled=found.value,
        sd=found.standard_uncertainty,
        chi2=found.attrs["chi2"],
    )


def test_splitter() -> None:
    given = CASES["REC-03"]["inputs"]
    system = mfa.System(
        title="Splitter",
        parameters={"a": {"dims": ["year"], "unit": "t/yr"}, "share": {}},
        processes={
            "mine": {"rule": "source", "gives": "a", "to": "split"},
            "split": {"rule": "split", "shares": {"left": "share", "right": "rest"}},
            "left": {"rule": "sink"},
            "right": {"rule": "sink"},
        },
    )
    names = ["mine_to_split", "split_to_left", "split_to_right"]
    observed = dict(zip(names, zip(given["flows"], given["sd"], strict=True), strict=True))
    found = mfa.reconcile(system, observed).sel(item=names)
    agrees(
        "REC-03",
        reconciled=found.value,
        sd=found.standard_uncertainty,
        chi2=found.attrs["chi2"],
        dof=found.attrs["degrees_of_freedom"],
        p_value=found.attrs["p_value"],
    )
    assert CASES["REC-03"]["expected"]["global_test_passes_95"]
    assert found.attrs["suspect"] == ""


def steam_circuit() -> tuple[Any, dict[str, Any]]:
    """Return the three balances of the steam circuit over its ten flows."""
    given = CASES["REC-05"]["inputs"]
    terms = [
        {"mFDKEL": 1, "mFDKELL": 1, "mV": 0.4, "mSPL": -1, "mSPLL": -1},
        {"mSPL": 1, "mSPLL": 1, "mV": -1, "mHK": -1, "mA7": -1, "mA6": -1, "mA5": -1},
        {"mA7": 1, "mA6": 1, "mA5": 1, "mHDNK": -1},
    ]
    return np.array([[row.get(name, 0.0) for name in given["names"]] for row in terms]), given


def test_steam_circuit_of_vdi_2048() -> None:
    matrix, given = steam_circuit()
    sd = np.array(given["half_width_95"]) / given["lambda_"]
    found = reconciliation.adjust(matrix, given["measured"], sd)
    expected = CASES["REC-05"]["expected"]
    agrees(
        "REC-05",
        reconciled=found.value,
        half_width=found.standard_uncertainty * given["lambda_"],
        chi2=found.chi2,
        ratio=found.chi2 / expected["chi2_critical"],
    )
    assert found.p_value < 0.05
    assert not expected["global_test_passes_95"]
    # the two feed flows stand together in their only balance: nothing tells them apart
    one = reconciliation.adjust(matrix, [given["measured"]], sd)
    assert suspects(one, 0.95, given["names"]) == ["cannot be told: mFDKEL; mFDKELL"]


def test_flow_through_a_coefficient() -> None:
    given, expected = CASES["REC-07"]["inputs"], CASES["REC-07"]["expected"]
    assert reconciliation.product(*zip(given["flow"], given["tc"], strict=True)) == pytest.approx(
        (expected["value"], expected["sd"]), rel=1e-6
    )
    system = mfa.System(
        title="Coefficient",
        parameters={"a": {"dims": ["year"], "unit": "t/yr"}, "share": {}},
        processes={
            "mine": {"rule": "source", "gives": "a", "to": "split"},
            "split": {"rule": "split", "shares": {"left": "share", "right": "rest"}},
            "left": {"rule": "sink"},
            "right": {"rule": "sink"},
        },
    )
    found = mfa.reconcile(system, {"mine_to_split": given["flow"], "share": given["tc"]})
    left = reconciliation.quantity(found, "split_to_left")
    agrees("REC-07", value=left.value, sd=left.standard_uncertainty)
    assert left.status == "determinable"


def test_product_of_lognormals_and_its_draws() -> None:
    given, expected = CASES["REC-09"]["inputs"], CASES["REC-09"]["expected"]
    found = reconciliation.lognormal_product(
        [given["m1"], given["m2"]], [given["cv1"], given["cv2"]]
    )
    agrees("REC-09", **found)
    drawn = reconciliation.lognormal_draws(
        given["m1"], given["cv1"], 100_000, 1
    ) * reconciliation.lognormal_draws(given["m2"], given["cv2"], 100_000, 2)
    assert drawn.mean() == pytest.approx(expected["mean"], rel=1e-2)
    assert drawn.std() / drawn.mean() == pytest.approx(expected["cv"], rel=2e-2)
    assert np.median(drawn) == pytest.approx(expected["median"], rel=1e-2)


def test_normal_prior_and_datum() -> None:
    given = CASES["REC-10"]["inputs"]
    mean, sd = ([x] for x in given["prior"])
    found = reconciliation.gaussian(mean, sd, [[1]], [given["data"][0]], given["data"][1])
    agrees("REC-10", posterior_mean=found.mean[0], posterior_sd=found.standard_deviation[0])
    # the same as two sources of one flow
    two = mfa.reconcile(
        chain(),
        {
            "abroad_to_refine": given["prior"],
            "another source": reconciliation.Observation(*given["data"], of="abroad_to_refine"),
        },
    )
    flow = reconciliation.quantity(two, "abroad_to_refine")
    agrees("REC-10", posterior_mean=flow.value, posterior_sd=flow.standard_uncertainty)
