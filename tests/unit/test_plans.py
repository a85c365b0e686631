"""What a plan refuses and how it says so; order, loops and placement of what it accepts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.errors import MfaError

YEARS = [2020, 2021]
MASS = {"dims": ["year"], "unit": "t/yr"}
BY_REGION = {"dims": ["year", "region"], "unit": "t/yr"}
REGIONS = {"region": ["N", "S"]}
LIFE = {"law": "fixed", "mean": "5 yr", "inflow_at": "end"}


def system(
    processes: dict[str, Any], dimensions: dict[str, Any] | None = None, **parameters: Any
) -> mfa.System:
    return mfa.System(
        title="Test", dimensions=dimensions or {}, parameters=parameters, processes=processes
    )


def simulate(compiled: mfa.System, **values: Any) -> xr.Dataset:
    """Run with numbers, lists over the years, or (dims, values); the balance has to hold."""
    data = {name: ("year", v) if isinstance(v, list) else v for name, v in values.items()}
    dataset = xr.Dataset(data, coords={"year": YEARS})
    dataset = dataset.assign_coords(
        {d: list(own) for d, own in compiled.dimensions.items() if d in dataset.dims}
    )
    result = mfa.simulate(compiled, dataset)
    assert result.attrs["balance_residual"] <= 1e-9
    assert mfa.balance(result).attrs["balance_residual"] <= 1e-9
    return result


def source(to: str = "pile", gives: str = "given") -> dict[str, Any]:
    return {"rule": "source", "gives": gives, "to": to}


def splitting(shares: dict[str, str]) -> dict[str, Any]:
    ends: dict[str, Any] = {target: {"rule": "sink"} for target in shares}
    return {"mine": source("sort"), "sort": {"rule": "split", "shares": shares}, **ends}


SINK = {"rule": "sink"}
MINE = {"rule": "source"}


def made(**fields: Any) -> dict[str, Any]:
    make = {"rule": "make", "from": "mine", **fields}
    return {
        "mine": MINE,
        "smelt": make,
        "use": {"rule": "sink", "takes": "asked", "from": "smelt"},
        "slag": SINK,
    }


def held(**fields: Any) -> dict[str, Any]:
    stock = {"rule": "stock", "from": "mine", "to": "scrap", "lifetime": LIFE, **fields}
    return {"mine": MINE, "use": stock, "scrap": SINK}


MARKET_LOOP = {
    "mine": MINE,
    "metal": {"rule": "market", "from": ["scrap", "refine"], "surplus_to": "spare"},
    "refine": {"rule": "make", "from": "mine", "yield": "gain", "loss_to": "scrap"},
    "scrap": {"rule": "split", "shares": {"metal": "rest"}},
    "use": {"rule": "sink", "takes": "asked", "from": "metal"},
    "spare": SINK,
}

UNSOLVABLE: dict[str, tuple[Any, str]] = {
    "a flow nobody computes": (
        lambda: system({"mine": MINE, "pile": {"rule": "sink", "from": "mine"}}),
        "flow 'mine_to_pile' is computed by nobody: 'mine' (source) waits to be asked and "
        "'pile' (sink) waits for "
        "arrivals; give one of them a driver, a share, or make 'pile' a rule that asks",
    ),
    "a flow two processes compute": (
        lambda: system(
            {"mine": source(), "pile": {"rule": "sink", "takes": "asked", "from": "mine"}},
            given=MASS,
            asked=MASS,
        ),
        "flow 'mine_to_pile' is computed twice, by 'mine' (source) and by 'pile' (sink); put a "
        "market between them, "
        "or let one of them only receive",
    ),
    "a process that does not exist": (
        lambda: system(
            {
                "mine": source("refin"),
                "refine": {"rule": "split", "shares": {"use": "rest"}},
                "use": SINK,
            },
            given=MASS,
        ),
        "process 'mine': there is no process 'refin'. Did you mean \"refine\"? (processes: "
        "mine, refine, use)",
    ),
    "a process connected to nothing": (
        lambda: system({"mine": source(), "pile": SINK, "island": SINK}, given=MASS),
        "process 'island' (sink) is connected to nothing",
    ),
    "a process that sends to itself": (
        lambda: system(
            {
                "mine": source("sort"),
                "sort": {"rule": "split", "shares": {"sort": "share", "pile": "rest"}},
                "pile": SINK,
            },
            given=MASS,
            share={},
        ),
        "process 'sort' sends to itself; let that go through a process of its own",
    ),
    "a split that receives nothing": (
        lambda: system({"sort": {"rule": "split", "shares": {"pile": "rest"}}, "pile": SINK}),
        "process 'sort' (split) receives nothing: no process sends to it",
    ),
    "a make that nobody asks": (
        lambda: system({"mine": MINE, "smelt": {"rule": "make", "from": "mine"}}),
        "process 'smelt' (make) is asked by nobody: no process takes from it",
    ),
    "a same-year loop through a market": (
        lambda: system(MARKET_LOOP, asked=MASS, gain={}),
        "flow 'refine_to_metal' closes a loop within one year (metal, refine, scrap) through "
        "the market 'metal': its "
        "max(0, …) makes the loop impossible to solve exactly; put a stock into the loop, or a "
        "rule without max",
    ),
    "a loop that nothing drives": (
        lambda: system(
            {
                "one": {"rule": "split", "shares": {"two": "rest"}},
                "two": {"rule": "split", "shares": {"one": "rest"}},
            }
        ),
        "flows 'one_to_two', 'two_to_one' are part of a loop that nothing drives: no source "
        "gives, no sink takes and no stock has a driver there; add one",
    ),
    "arrivals of other dimensions": (
        lambda: system(
            {"mine": source(), "other": source(gives="more"), "pile": SINK},
            REGIONS,
            given=MASS,
            more=BY_REGION,
        ),
        "flow 'mine_to_pile' has dimensions (none), but the arrivals of 'pile' have (region): "
        "region would be added "
        "without matching; write 'sum: [region]' at 'pile', or give the flow that dimension",
    ),
    "arrivals and asks of other dimensions": (
        lambda: system(
            {
                "scrap": source("sort"),
                "sort": {"rule": "split", "shares": {"metal": "rest"}},
                "mine": MINE,
                "metal": {"rule": "market", "from": ["sort", "mine"]},
                "use": {"rule": "sink", "takes": "asked", "from": "metal"},
            },
            REGIONS,
            given=MASS,
            asked=BY_REGION,
        ),
        "process 'metal': asks have dimensions (region), arrivals (none) through "
        "sort_to_metal: they would be "
        "subtracted without matching; write 'sum:' at 'metal' or give the arrivals that dimension",
    ),
    "a share with a dimension its flows lack": (
        lambda: system(
            splitting({"a": "share", "b": "rest"}), REGIONS, given=MASS, share={"dims": ["region"]}
        ),
        "process 'sort': shares (share) has the dimension region, which its flows (none) do "
        "not have: mass would be "
        "multiplied; give the flows that dimension or take it from the parameter",
    ),
    "a lifetime with a dimension its stock lacks": (
        lambda: system(
            held(inflow="sales", lifetime={"law": "fixed", "mean": "life"}),
            REGIONS,
            sales=MASS,
            life={"dims": ["region"], "unit": "yr"},
        ),
        "process 'use': its lifetime has the dimension region, which what it holds (none) does not have",
    ),
    "a sum over an unknown dimension": (
        lambda: system(
            {"mine": source(), "pile": {"rule": "sink", "sum": ["regoin"]}},
            REGIONS,
            given=BY_REGION,
        ),
        "process 'pile': unknown dimension 'regoin'. Did you mean \"region\"? (dimensions: region)",
    ),
    "a sum over a dimension the driver lacks": (
        lambda: system(held(inflow="sales", sum=["region"]), REGIONS, sales=MASS),
        "process 'use': sum names region, which its driver has not",
    ),
    "an amount where a yearly amount is due": (
        lambda: system({"mine": source(), "pile": SINK}, given={"dims": ["year"], "unit": "t"}),
        "process 'mine': gives (given) is in t, it must be in t/yr",
    ),
    "units of a driver and a content that do not fit": (
        lambda: system(
            held(inflow="sales", content="content"),
            sales={"unit": "vehicle/yr"},
            content={"unit": "kg/kWh"},
        ),
        "process 'use': inflow (sales * content) is in t vehicle/kWh/yr, it must be in t/yr",
    ),
    "a yearly amount where a stock is due": (
        lambda: system(held(stock="fleet"), fleet=MASS),
        "process 'use': stock (fleet) is in t/yr, it must be in t",
    ),
    "the first of two shares has a unit": (
        lambda: system(
            splitting({"a": "odd", "b": "share", "c": "rest"}),
            given=MASS,
            odd={"unit": "yr"},
            share={},
        ),
        "process 'sort': shares (odd) is in yr, it must be in 1",
    ),
    "a recipe with a unit": (
        lambda: system(
            made(**{"from": {"mine": "odd", "slag": "rest"}}) | {"slag": MINE},
            asked=MASS,
            odd={"unit": "yr"},
        ),
        "process 'smelt': from (odd) is in yr, it must be in 1",
    ),
    "a lifetime in tonnes": (
        lambda: system(
            held(inflow="sales", lifetime={"law": "fixed", "mean": "life"}),
            sales=MASS,
            life={"unit": "t"},
        ),
        "process 'use': lifetime (life) is in t, it must be in yr",
    ),
    "trade shares without a dimension of origins": (
        lambda: system(
            {
                "mine": MINE,
                "ore": {"rule": "trade", "from": "mine", "shares": "origin"},
                "use": {"rule": "sink", "takes": "asked", "from": "ore"},
            },
            REGIONS,
            asked=BY_REGION,
            origin={"dims": ["region"]},
        ),
        "process 'ore': shares (origin) have no dimension of origins that its asks (region) "
        "lack; a trade turns asks "
        "by destination into asks by origin",
    ),
    "a yield without a place for the loss": (
        lambda: system(made(**{"yield": "gain"}), asked=MASS, gain={}),
        "process 'smelt': has a yield, so it needs 'loss_to': where the loss goes",
    ),
    "a place for a loss without a yield": (
        lambda: system(made(loss_to="slag"), asked=MASS),
        "process 'smelt': has 'loss_to' but no 'yield', so nothing is lost",
    ),
    "two rests in a split": (
        lambda: system(splitting({"a": "rest", "b": "rest"}), given=MASS),
        "process 'sort': only one share can be the rest",
    ),
    "two rests in a recipe": (
        lambda: system(
            made(**{"from": {"mine": "rest", "slag": "rest"}}) | {"slag": MINE}, asked=MASS
        ),
        "process 'smelt': only one share can be the rest",
    ),
    "inflow and stock at once": (
        lambda: system(held(inflow="sales", stock="sales"), sales=MASS),
        "process 'use': has both 'inflow' and 'stock'; one of them is computed from the other",
    ),
    "a driven stock that also receives": (
        lambda: system(held(inflow="sales") | {"more": source("use")}, sales=MASS, given=MASS),
        "process 'use' is driven and also receives more_to_use; let that flow go to a market "
        "that supplies it, or to a "
        "stock of its own",
    ),
    "an unknown parameter": (
        lambda: system({"mine": source(gives="givne"), "pile": SINK}, given=MASS),
        "process 'mine': unknown parameter 'givne'. Did you mean \"given\"? (parameters: given)",
    ),
    "an unknown rule": (
        lambda: system({"mine": {"rule": "sorce"}}),
        "process 'mine': unknown rule 'sorce'. Did you mean \"source\"? "
        "(rules: buffer, make, market, sink, source, split, stock, trade)",
    ),
    "a misspelt key": (
        lambda: system(
            {"mine": {"rule": "source", "gvies": "given", "to": "pile"}, "pile": SINK}, given=MASS
        ),
        "processes.mine.gvies: unknown key 'gvies'. Did you mean \"gives\"? (keys: as, at, capacity, gives, rule, sum, to)",
    ),
    "a place at an unknown label": (
        lambda: system(
            {"mine": source() | {"at": {"region": "W"}}, "pile": SINK}, REGIONS, given=MASS
        ),
        "process 'mine': dimension 'region' has no label 'W'. (labels: N, S)",
    ),
    "a process at one region that handles all": (
        lambda: system(
            made(at={"region": "N"}, loss_to="slag", **{"yield": "gain"}),
            REGIONS,
            asked=BY_REGION,
            gain={},
        ),
        "process 'smelt' stands at one region, but what it handles has the dimension region; "
        "write 'sum: [region]' "
        "there, or leave 'at' out",
    ),
}


@pytest.mark.parametrize("what", UNSOLVABLE)
def test_what_a_plan_refuses(what: str) -> None:
    make, message = UNSOLVABLE[what]
    with pytest.raises(MfaError) as caught:
        mfa.plan(make())
    assert str(caught.value) == message


# ------------------------------------------------------------------ numbers

LOOP = {
    "mine": source("one"),
    "one": {"rule": "split", "shares": {"two": "rest"}},
    "two": {"rule": "split", "shares": {"one": "back", "out": "rest"}},
    "out": SINK,
}
SPLIT = splitting({"a": "share", "b": "rest"})
MARKET = {
    "scrap": source("sort"),
    "sort": {"rule": "split", "shares": {"metal": "rest"}},
    "mine": MINE,
    "metal": {"rule": "market", "from": ["sort", "mine"]},
    "use": {"rule": "sink", "takes": "asked", "from": "metal"},
}
TRADE = {
    "mine": MINE,
    "ore": {"rule": "trade", "from": "mine", "shares": "origin"},
    "use": {"rule": "sink", "takes": "asked", "from": "ore"},
}
YIELD = made(loss_to="slag", **{"yield": "gain"})
FALLING = (["year", "region"], [[1.0, 4.0], [2.0, 1.0]])
FLEET = {"dims": ["year", "region"], "unit": "t"}

REFUSED_NUMBERS: dict[str, tuple[Any, str]] = {
    "a loop from which nothing leaves": (
        lambda: simulate(system(LOOP, given=MASS, back={}), given=[1.0, 1.0], back=1.0),
        "the loop one, two cannot be solved for two_to_one: in some year all that enters it "
        "comes back (its shares "
        "multiply to 1 or more), so mass would grow without end; let something leave the loop",
    ),
    "a share above 1": (
        lambda: simulate(system(SPLIT, given=MASS, share={}), given=[1.0, 1.0], share=1.25),
        "process 'sort': its shares sum to 1.25 in every year; lower them",
    ),
    "a share below 0": (
        lambda: simulate(system(SPLIT, given=MASS, share={}), given=[1.0, 1.0], share=-0.25),
        "process 'sort': its share for 'a' is -0.25 in every year; shares lie between 0 and 1",
    ),
    "shares that leave something": (
        lambda: simulate(
            system(splitting({"a": "share", "b": "share"}), given=MASS, share={}),
            given=[1.0, 1.0],
            share=0.25,
        ),
        "process 'sort': its shares sum to 0.5 in every year; make one of them 'rest'",
    ),
    "a yield of 0": (
        lambda: simulate(system(YIELD, asked=MASS, gain={}), asked=[1.0, 1.0], gain=0.0),
        "process 'smelt': yield (gain) is 0 in every year; nothing can be made with it",
    ),
    "a yield above 1": (
        lambda: simulate(system(YIELD, asked=MASS, gain={}), asked=[1.0, 1.0], gain=1.5),
        "process 'smelt': yield (gain) is 1.5 in every year; no more can come out than goes in",
    ),
    "trade shares that do not sum to 1": (
        lambda: simulate(
            system(TRADE, REGIONS, asked=MASS, origin={"dims": ["region"]}),
            asked=[1.0, 1.0],
            origin=(["region"], [0.5, 0.4]),
        ),
        "process 'ore': shares (origin) do not sum to 1 over region in every year (off by 0.1); mass would be lost",
    ),
    "a shape of a survival table that rises": (
        lambda: simulate(
            system(
                held(inflow="sales", lifetime={"law": "table", "survival": [0.5, 0.6, 0.0]}),
                sales=MASS,
            ),
            sales=[1.0, 1.0],
        ),
        "process 'use': law 'table' needs 'survival': shares in use at the end of the entry "
        "year and of each year after "
        "it, from at most 1, never rising, ending with 0",
    ),
    "a parameter that is NaN": (
        lambda: simulate(system(SPLIT, given=MASS, share={}), given=[1.0, float("nan")], share=0.5),
        "given: a value is NaN or infinite; give every cell a number",
    ),
    "a parameter that lacks": (
        lambda: simulate(system(SPLIT, given=MASS, share={}), given=[1.0, 1.0]),
        "the parameters lack 'share', which the system declares",
    ),
}


@pytest.mark.parametrize("what", REFUSED_NUMBERS)
def test_what_a_run_refuses(what: str) -> None:
    run, message = REFUSED_NUMBERS[what]
    with pytest.raises(MfaError) as caught:
        run()
    assert str(caught.value) == message


def test_a_market_with_a_surplus_needs_somewhere_to_put_it() -> None:
    """The year is the second; how it is written may change, the amount may not."""
    with pytest.raises(
        MfaError, match=r"^process 'metal': arrivals exceed asks by 3 t/yr at .*'surplus_to:'$"
    ):
        simulate(system(MARKET, given=MASS, asked=MASS), given=[1.0, 5.0], asked=[2.0, 2.0])
    spare = MARKET | {"metal": MARKET["metal"] | {"surplus_to": "spare"}, "spare": SINK}
    found = simulate(system(spare, given=MASS, asked=MASS), given=[1.0, 5.0], asked=[2.0, 2.0])
    assert found.mine_to_metal.values.tolist() == [1.0, 0.0]
    assert found.metal_to_spare.values.tolist() == [0.0, 3.0]


def test_a_stock_may_not_fall_faster_than_its_cohorts_retire() -> None:
    compiled = system(held(stock="fleet"), REGIONS, fleet=FLEET)
    with pytest.raises(
        MfaError,
        match=r"^process 'use': the stock falls faster than its cohorts retire at region=S, year=2021 .*-3",
    ):
        simulate(compiled, fleet=FALLING)
    meant = system(held(stock="fleet", on_decline="allow"), REGIONS, fleet=FLEET)
    found = simulate(meant, fleet=FALLING)
    assert found.mine_to_use.sel(region="S").values.tolist() == [4.0, -3.0]


def test_a_negative_inflow_that_is_meant_may_enter_a_loop() -> None:
    """The smelter is asked for −3 t/yr at a yield of 1/2, so −3 t/yr of loss go round: x = −3 + x / 2."""
    processes = made(loss_to="slag", **{"yield": "gain"}) | held(stock="fleet", on_decline="allow")
    processes["use"] |= {"from": "smelt"}
    processes |= {
        "slag": {"rule": "split", "shares": {"wash": "rest"}},
        "wash": {"rule": "split", "shares": {"slag": "back", "pile": "rest"}},
        "pile": SINK,
    }
    compiled = system(processes, fleet={"dims": ["year"], "unit": "t"}, gain={}, back={})
    found = simulate(compiled, fleet=[4.0, 1.0], gain=0.5, back=0.5)
    assert found.slag_to_wash.values.tolist() == [8.0, -6.0]


def test_labels_in_another_order_are_refused() -> None:
    compiled = system({"mine": source(), "pile": SINK}, REGIONS, given=BY_REGION)
    data = xr.Dataset(
        {"given": (("year", "region"), [[1.0, 2.0]])}, coords={"year": [2020], "region": ["S", "N"]}
    )
    with pytest.raises(MfaError) as caught:
        mfa.simulate(compiled, data)
    assert str(caught.value) == (
        "the labels of 'region' in the parameters are ('S', 'N'), the system has ('N', 'S'); "
        "select or reorder them"
    )


# -------------------------------------------------------------------- parts


def test_a_loop_is_one_part_and_solved_exactly() -> None:
    compiled = mfa.plan(system(LOOP, given=MASS, back={}))
    assert [part.kind for part in compiled.parts] == ["all years", "loop", "all years"]
    assert "┌ loop solved exactly within each year for two_to_one" in str(compiled)
    found = simulate(compiled.system, given=[1.0, 2.0], back=0.75)
    assert found.one_to_two.values.tolist() == [4.0, 8.0]
    assert found.two_to_out.values.tolist() == [1.0, 2.0]


def test_the_plan_says_which_part_runs_year_by_year() -> None:
    through_stock = LOOP | {
        "one": {"rule": "stock", "to": "two", "lifetime": LIFE | {"mean": "1 yr"}}
    }
    compiled = mfa.plan(system(through_stock, given=MASS, back={}))
    assert [(part.kind, {step.name for step in part.steps}) for part in compiled.parts] == [
        ("all years", {"mine"}),
        ("by year", {"one", "two"}),
        ("all years", {"out"}),
    ]
    text = str(compiled)
    assert text.startswith("Test: 4 steps, 4 flows, 1 component(s) year by year\n")
    assert "┌ loop through a stock: year by year, solved within each year for " in text
    found = simulate(compiled.system, given=[8.0, 0.0], back=0.75)
    assert found.one_to_two.values.tolist() == [0.0, 8.0]
    assert found.one_stock.values.tolist() == [8.0, 6.0]


def test_a_plan_without_a_loop_runs_for_all_years_at_once() -> None:
    text = str(mfa.plan(system(SPLIT, given=MASS, share={})))
    assert text == (
        "Test: 4 steps, 3 flows, everything for all years at once\n"
        "     1 mine (source) [year]\n"
        "         mine_to_sort = given\n"
        "     2 sort (split) [year]\n"
        "         sort_to_a = share · (mine_to_sort)\n"
        "         sort_to_b = rest\n"
        "     3 a (sink) [year]\n"
        "         a_stock = Σ_years (sort_to_a)\n"
        "     4 b (sink) [year]\n"
        "         b_stock = Σ_years (sort_to_b)"
    )


def test_the_drawing() -> None:
    compiled = system(
        {
            "mine": MINE,
            "metal_pool": {"rule": "market", "from": ["mine"]},
            "use": held(inflow="sales")["use"] | {"from": "metal_pool"},
            "scrap": {"rule": "split", "shares": {"pile": "rest"}},
            "pile": SINK,
        },
        REGIONS,
        sales=BY_REGION,
    )
    assert mfa.plan(compiled).mermaid().splitlines() == [
        "flowchart LR",
        '  p1_mine(("mine"))',
        '  p2_metal_pool{{"metal pool"}}',
        '  p3_use[("use")]',
        '  p4_scrap["scrap"]',
        '  p5_pile[("pile")]',
        '  p2_metal_pool -->|"region"| p3_use',
        '  p1_mine -->|"region"| p2_metal_pool',
        '  p4_scrap -->|"region"| p5_pile',
        '  p3_use -->|"region"| p4_scrap',
    ]


def test_the_drawing_uses_no_name_as_an_identifier() -> None:
    """``end`` and ``style`` are words of Mermaid, ``1 + 1`` is no identifier of any language."""
    compiled = system(
        {
            "end": MINE,
            "style": held(inflow="sales")["use"] | {"from": "end", "to": 'old "1 + 1"'},
            'old "1 + 1"': SINK,
        },
        REGIONS,
        sales=BY_REGION,
    )
    assert mfa.plan(compiled).mermaid().splitlines() == [
        "flowchart LR",
        '  p1_end(("end"))',
        '  p2_style[("style")]',
        '  p3_old__1___1_[("old #quot;1 + 1#quot;")]',
        '  p1_end -->|"region"| p2_style',
        '  p2_style -->|"region"| p3_old__1___1_',
    ]


# ---------------------------------------------------------------- placement


def test_sources_at_one_region_each_are_put_together_at_the_customer() -> None:
    compiled = system(
        {
            "north": source(gives="in_north") | {"at": {"region": "N"}},
            "south": source(gives="in_south") | {"at": {"region": "S"}},
            "pile": SINK,
        },
        REGIONS,
        in_north=MASS,
        in_south=MASS,
    )
    found = simulate(compiled, in_north=[1.0, 2.0], in_south=[10.0, 20.0])
    assert found.north_to_pile.dims == ("year",)
    assert found.pile_stock.transpose("year", "region").values.tolist() == [
        [1.0, 10.0],
        [3.0, 30.0],
    ]
    assert found.north_to_pile.attrs["at_source"] == "region=N"


def test_a_placed_flow_is_added_to_one_of_all_regions() -> None:
    compiled = system(
        {
            "north": source("sort", "in_north") | {"at": {"region": "N"}},
            "all": source("sort", "everywhere"),
            "sort": {"rule": "split", "shares": {"pile": "rest"}},
            "pile": SINK,
        },
        REGIONS,
        in_north=MASS,
        everywhere=BY_REGION,
    )
    given = [[1.0, 2.0], [4.0, 5.0]]
    found = simulate(compiled, in_north=[1.0, 2.0], everywhere=(["year", "region"], given))
    assert found.sort_to_pile.transpose("year", "region").values.tolist() == [
        [2.0, 2.0],
        [6.0, 5.0],
    ]
    assert found.all_to_sort.transpose("year", "region").values.tolist() == given


def test_a_smelter_at_one_region_serves_all() -> None:
    """What it is asked for is summed; its slag lies where it stands."""
    compiled = system(
        made(at={"region": "N"}, sum=["region"], loss_to="slag", **{"yield": "gain"}),
        REGIONS,
        asked=BY_REGION,
        gain={},
    )
    found = simulate(compiled, asked=(["year", "region"], [[1.0, 2.0], [3.0, 5.0]]), gain=0.5)
    assert found.mine_to_smelt.values.tolist() == [6.0, 16.0]
    assert found.smelt_to_slag.values.tolist() == [3.0, 8.0]
    assert found.slag_stock.transpose("year", "region").values.tolist() == [[3.0, 0.0], [11.0, 0.0]]
    assert found.smelt_to_use.transpose("year", "region").values.tolist() == [
        [1.0, 2.0],
        [3.0, 5.0],
    ]


def test_a_trade_turns_asks_by_destination_into_asks_by_origin() -> None:
    compiled = system(
        TRADE | {"ore": TRADE["ore"] | {"sum": ["region"]}},
        REGIONS | {"origin_country": ["X", "Y"]},
        asked=BY_REGION,
        origin={"dims": ["origin_country", "region"]},
    )
    found = simulate(
        compiled,
        asked=(["year", "region"], [[10.0, 20.0], [0.0, 40.0]]),
        origin=(["origin_country", "region"], [[0.5, 0.25], [0.5, 0.75]]),
    )
    assert found.mine_to_ore.transpose("year", "origin_country").values.tolist() == [
        [10.0, 20.0],
        [10.0, 30.0],
    ]


# ------------------------------------------------------------------ rounding


def test_rounding_of_a_large_stock_is_no_lost_mass() -> None:
    """A sink of 1e9 t that receives 1e-3 t/yr: the change of its stock is known to 1e-7 t only."""
    compiled = system({"mine": source(), "pile": SINK}, given=MASS)
    found = simulate(compiled, given=[1e9, 1e-3])
    assert found.pile_stock.values.tolist() == [1e9, 1e9 + 1e-3]


def test_a_balance_of_a_single_year_counts_every_inflow() -> None:
    compiled = system(
        {"mine": source(), "other": source(gives="more"), "pile": SINK}, given=MASS, more=MASS
    )
    data = xr.Dataset({"given": ("year", [1.0]), "more": ("year", [2.0])}, coords={"year": [2020]})
    found = mfa.simulate(compiled, data)
    assert found.pile_stock.values.tolist() == [3.0]
    assert np.array_equal(mfa.balance(found).pile, [0.0])


def test_a_flow_that_fits_in_no_memory_is_refused_before_it_is_made() -> None:
    labels = [f"l{i}" for i in range(200)]
    wide = mfa.System(
        title="Wide",
        dimensions=dict.fromkeys("abcd", labels),
        parameters={
            "left": {"dims": ["a", "b"], "unit": "t/yr"},
            "right": {"dims": ["c", "d"], "unit": "1"},
        },
        processes={"mine": {"rule": "source", "gives": "left * right", "to": "pile"}, "pile": SINK},
    )
    with pytest.raises(MfaError) as error:
        mfa.plan(wide)
    assert str(error.value) == (
        "flow 'mine_to_pile': would have 1,600,000,000 cells (a 200 × b 200 × c 200 × d 200), "
        "12 GiB; 2 GiB is the most: leave a dimension out or shorten one"
    )


@pytest.mark.parametrize("given", ["path.yaml", None, 3])
def test_a_plan_is_made_of_a_system(given: object) -> None:
    with pytest.raises(MfaError, match="a System or a Scenario"):
        mfa.plan(given)  # type: ignore[arg-type]
