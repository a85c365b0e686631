"""The built-in rules on bare arrays, and rules from a user's own file."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import rules
from mfa.errors import MfaError

MASS = {"dims": ["year"], "unit": "t/yr"}


@pytest.fixture(autouse=True)
def _only_built_in_rules_afterwards() -> Iterator[None]:
    before = dict(rules.USER_RULES)
    yield
    rules.USER_RULES.clear()
    rules.USER_RULES.update(before)


def test_make_divides_by_the_yield_and_by_the_recipe() -> None:
    asks, gain = np.array([30.0, 60.0]), np.array([0.75])
    found = rules.make(asks, {"ore": np.array([0.25]), "scrap": None}, gain)
    assert found["ore"].tolist() == [10.0, 20.0]
    assert found["scrap"].tolist() == [30.0, 60.0]
    assert rules.make(asks, {"ore": None}, None)["ore"].tolist() == [30.0, 60.0]


def test_the_rest_of_a_split_is_a_difference() -> None:
    arrivals = np.array([0.1, 0.7])
    found = rules.split(arrivals, {"a": np.array([0.3]), "b": np.array([0.1]), "c": None})
    assert found["c"].tolist() == ((arrivals - arrivals * 0.3) - arrivals * 0.1).tolist()


def test_a_market_without_arrivals_asks_for_everything() -> None:
    last, surplus = rules.market(np.array([3.0]), None)
    assert (last.tolist(), surplus.tolist()) == ([3.0], [0.0])


def test_a_trade_sums_the_destinations() -> None:
    asks = np.array([[[10.0], [20.0]]])
    shares = np.array([[[0.5], [0.25]], [[0.5], [0.75]]])
    assert rules.trade(asks, shares, (1,)).tolist() == [[[10.0]], [[20.0]]]


# --------------------------------------------------------------- user rules

MODULE = '''
import mfa


@mfa.rule("refurbish", equation="reused = share · in; waste = in − reused")
def refurbish(arrivals, share):
    reused = arrivals * share
    return {"reused": reused, "waste": arrivals - reused}


@mfa.rule("dilute", direction="pull")
def dilute(asks, factor):
    """Take a part from elsewhere."""
    return {"own": asks * factor, "other": asks * (1 - factor)}
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules_of_a_user.py").write_text(MODULE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.reload(importlib.import_module("rules_of_a_user"))


def push(**fields: Any) -> mfa.System:
    process = {
        "rule": "refurbish",
        "share": "share",
        "to": {"reused": "market", "waste": "pile"},
    } | fields
    return mfa.System(
        title="Push",
        parameters={"given": MASS, "share": {"dims": ["year"]}},
        processes={
            "mine": {"rule": "source", "gives": "given", "to": "shop"},
            "shop": process,
            "market": {"rule": "sink"},
            "pile": {"rule": "sink"},
        },
    )


def pull() -> mfa.System:
    return mfa.System(
        title="Pull",
        parameters={"asked": MASS, "part": {}},
        processes={
            "use": {"rule": "sink", "takes": "asked", "from": "mix"},
            "mix": {"rule": "dilute", "factor": "part", "from": {"own": "mine", "other": "import"}},
            "mine": {"rule": "source"},
            "import": {"rule": "source"},
        },
    )


def run(system: mfa.System, **values: Any) -> xr.Dataset:
    data = {name: ("year", v) if isinstance(v, list) else v for name, v in values.items()}
    return mfa.simulate(system, xr.Dataset(data, coords={"year": [2020, 2021]}))


@pytest.mark.usefixtures("module")
def test_a_push_rule_of_an_imported_file() -> None:
    found = run(push(), given=[8.0, 4.0], share=[0.25, 0.5])
    assert found.shop_to_market.values.tolist() == [2.0, 2.0]
    assert found.pile_stock.values.tolist() == [6.0, 8.0]
    assert found.attrs["balance_residual"] == 0.0
    plan = str(mfa.plan(push()))
    assert "shop_to_market, shop_to_pile = refurbish(mine_to_shop): reused = share · in" in plan
    assert "waste = in − reused" in plan


@pytest.mark.usefixtures("module")
def test_a_pull_rule_of_an_imported_file() -> None:
    found = run(pull(), asked=[8.0, 4.0], part=0.25)
    assert found.mine_to_mix.values.tolist() == [2.0, 1.0]
    assert found.import_to_mix.values.tolist() == [6.0, 3.0]
    assert "Take a part from elsewhere." in str(mfa.plan(pull()))


@pytest.mark.usefixtures("module")
def test_a_push_rule_within_a_loop_is_solved_with_it() -> None:
    """Solve x = given + share · x, so x = 8 / (1 − 1/2)."""
    system = mfa.System(
        title="Loop",
        parameters={"given": MASS, "share": {}},
        processes={
            "mine": {"rule": "source", "gives": "given", "to": "sort"},
            "sort": {"rule": "split", "shares": {"shop": "rest"}},
            "shop": {
                "rule": "refurbish",
                "share": "share",
                "to": {"reused": "sort", "waste": "pile"},
            },
            "pile": {"rule": "sink"},
        },
    )
    found = run(system, given=[8.0, 4.0], share=0.5)
    assert found.sort_to_shop.values.tolist() == [16.0, 8.0]


def message(make: Any) -> str:
    with pytest.raises(MfaError) as caught:
        make()
    return str(caught.value)


@pytest.mark.usefixtures("module")
def test_wrong_fields_of_a_user_rule() -> None:
    assert message(lambda: push(shaer="share")) == (
        "process 'shop': rule has no field 'shaer'. Did you mean \"share\"? (fields: share)"
    )
    broken = {"rule": "refurbish", "to": {"reused": "market", "waste": "pile"}}
    system = push()
    processes = {
        **{n: p.model_dump(by_alias=True, exclude_none=True) for n, p in system.processes.items()},
        "shop": broken,
    }
    parameters = {
        n: p.model_dump(by_alias=True, exclude_none=True) for n, p in system.parameters.items()
    }
    assert message(
        lambda: mfa.System(title="Push", parameters=parameters, processes=processes)
    ) == ("process 'shop': rule 'refurbish' needs the field 'share'")
    assert message(lambda: push(to={})).startswith(
        "process 'shop': rule 'refurbish' is a push rule and needs 'to': output to process"
    )
    assert message(lambda: push(share="shaer")) == (
        "process 'shop': unknown parameter 'shaer'. Did you mean \"share\"? (parameters: given, share)"
    )


@pytest.mark.usefixtures("module")
def test_outputs_that_the_rule_does_not_return() -> None:
    system = push(to={"reused": "market", "scrap": "pile"})
    assert message(lambda: run(system, given=[1.0, 1.0], share=[0.5, 0.5])) == (
        "process 'shop': rule 'refurbish' returned ['reused', 'waste'], but the system names "
        "['reused', 'scrap']"
    )


def test_a_rule_that_loses_mass_is_caught_by_the_balance() -> None:
    @mfa.rule("leak")
    def leak(arrivals: Any) -> Any:
        return {"out": arrivals * 0.5}

    system = mfa.System(
        title="Leak",
        parameters={"given": MASS},
        processes={
            "mine": {"rule": "source", "gives": "given", "to": "hole"},
            "hole": {"rule": "leak", "to": {"out": "pile"}},
            "pile": {"rule": "sink"},
        },
    )
    with pytest.raises(mfa.BalanceError) as caught:
        run(system, given=[2.0, 8.0])
    assert str(caught.value).startswith(
        "process 'hole' does not balance at year=2020: inputs − outputs"
    )
    assert "= 1 t/yr, 0.5 of its throughput (tolerance 1e-09)" in str(caught.value)


def test_what_a_rule_has_to_be() -> None:
    assert message(lambda: mfa.rule("odd", direction="sideways")) == (  # type: ignore[arg-type]
        "rule 'odd': direction is 'push' or 'pull', not 'sideways'"
    )
    assert message(lambda: mfa.rule("empty")(lambda: {})) == (
        "rule 'empty': its function takes no mass; give it one argument or more"
    )


def test_an_unregistered_rule_is_unknown() -> None:
    assert message(push).startswith("process 'shop': unknown rule 'refurbish'.")
