"""Results that tests of several files read; making them takes longer than reading them."""

from pathlib import Path

import pytest

import mfa

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HOSTILE = "</script><b onclick=alert(1)>bold"
"""A title that is no plain text."""


@pytest.fixture(scope="session")
def report_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three systems, with targets, with samples, and with a title that is no plain text."""
    target = tmp_path_factory.mktemp("report_results")
    for name in ("reference", "eu_battery_regulation", "vehicle_reference", "bulk_reference"):
        mfa.save(mfa.run(mfa.read_scenario(SCENARIOS / f"{name}.yaml")), target / name)
    bulk = mfa.read_scenario(SCENARIOS / "bulk_reference.yaml")
    hostile = bulk.override(title=HOSTILE, product_lifetime={"scale": 1.1})
    mfa.save(mfa.run(hostile), target / "hostile")
    mfa.save(mfa.run(bulk, samples=8, seed=1, keep="all"), target / "samples")
    mfa.save(mfa.run(bulk, samples=8, seed=1), target / "few")
    return target
