"""One closed cycle, by mfa and by flodym through its public interface.

5 regions × 10 products × 3 elements × 101 years, 11 flows, 3 stocks: metal is
fabricated, used for its lifetime, collected and recycled; new scrap goes back
at once; what the market cannot take is surplus, what is lost goes to landfill.
"""

from __future__ import annotations

from typing import Any

import flodym
import numpy as np
import xarray as xr

import mfa

YEARS = np.arange(1950, 2051)
DIMENSIONS = {
    "region": [f"region {i}" for i in range(5)],
    "product": [f"product {i}" for i in range(10)],
    "element": ["Cu", "Ni", "Zn"],
}
PARAMETERS = {
    "demand": (("year", "region", "product"), "t/yr"),
    "composition": (("product", "element"), "1"),
    "lifetime_scale": (("region", "product"), "yr"),
    "lifetime_shape": (("region", "product"), "1"),
    "fabrication_yield": (("product",), "1"),
    "collection_rate": (("year", "region", "product"), "1"),
    "recycling_yield": (("year", "element"), "1"),
}
FLOWS = {
    ("mine", "metal"): ("region", "element"),
    ("metal", "fabricate"): ("region", "product", "element"),
    ("fabricate", "use"): ("region", "product", "element"),
    ("fabricate", "scrap"): ("region", "product", "element"),
    ("scrap", "metal"): ("region", "product", "element"),
    ("use", "collect"): ("region", "product", "element"),
    ("collect", "recycle"): ("region", "product", "element"),
    ("collect", "landfill"): ("region", "product", "element"),
    ("recycle", "metal"): ("region", "product", "element"),
    ("recycle", "landfill"): ("region", "product", "element"),
    ("metal", "surplus"): ("region", "element"),
}
STOCKS = ("use", "landfill", "surplus")


def system() -> mfa.System:
    """Return the cycle as a system of mfa."""
    return mfa.System(
        title="Closed cycle",
        conserves="element",
        dimensions=DIMENSIONS,
        parameters={
            n: {"dims": list(dims), "unit": unit} for n, (dims, unit) in PARAMETERS.items()
        },
        processes={
            "mine": {"rule": "source"},
            "metal": {
                "rule": "market",
                "from": ["recycle", "scrap", "mine"],
                "surplus_to": "surplus",
                "sum": ["product"],
            },
            "fabricate": {
                "rule": "make",
                "from": "metal",
                "yield": "fabrication_yield",
                "loss_to": "scrap",
            },
            "scrap": {"rule": "split", "shares": {"metal": "rest"}},
            "use": {
                "rule": "stock",
                "from": "fabricate",
                "to": "collect",
                "inflow": "demand",
                "content": "composition",
                "lifetime": {
                    "law": "weibull",
                    "scale": "lifetime_scale",
                    "shape": "lifetime_shape",
                    "inflow_at": "end",
                },
            },
            "collect": {
                "rule": "split",
                "shares": {"recycle": "collection_rate", "landfill": "rest"},
            },
            "recycle": {
                "rule": "split",
                "shares": {"metal": "recycling_yield", "landfill": "rest"},
            },
            "landfill": {"rule": "sink"},
            "surplus": {"rule": "sink"},
        },
    )


def parameters() -> xr.Dataset:
    """Return numbers for the cycle; in some regions scrap exceeds what is asked for."""
    draw = np.random.default_rng(1)
    sizes = {"year": len(YEARS), **{d: len(labels) for d, labels in DIMENSIONS.items()}}
    values = {n: draw.random([sizes[d] for d in dims]) for n, (dims, _) in PARAMETERS.items()}
    rise = np.sin(np.linspace(0.2, 2.9, sizes["year"]))[:, None, None]
    values["demand"] = 1e3 * rise * (0.9 + 0.2 * values["demand"])
    values["composition"] /= values["composition"].sum(axis=1, keepdims=True)
    values["lifetime_scale"] = 5.0 + 30.0 * values["lifetime_scale"]
    values["lifetime_shape"] = 1.5 + 2.0 * values["lifetime_shape"]
    values["fabrication_yield"] = 0.75 + 0.2 * values["fabrication_yield"]
    values["collection_rate"] = 0.6 + 0.4 * values["collection_rate"]
    values["recycling_yield"] = 0.7 + 0.3 * values["recycling_yield"]
    data = {
        n: xr.Variable(dims, values[n], {"units": unit}) for n, (dims, unit) in PARAMETERS.items()
    }
    return xr.Dataset(data, coords={"year": YEARS, **DIMENSIONS})


# ------------------------------------------------------------------- flodym

LETTERS = {"year": "t", "region": "r", "product": "p", "element": "e"}


def _name(source: str, target: str) -> str:
    return f"{_flodym_process(source)} => {_flodym_process(target)}"


def _flodym_process(process: str) -> str:
    return "sysenv" if process == "mine" else process


class Cycle(flodym.MFASystem):
    """The cycle with flodym, the stock in use by element as in mfa."""

    def compute(self) -> None:
        p, f, s = self.parameters, self.flows, self.stocks
        f["fabricate => use"][...] = p["demand"] * p["composition"]
        f["metal => fabricate"][...] = f["fabricate => use"] / p["fabrication_yield"]
        f["fabricate => scrap"][...] = f["metal => fabricate"] - f["fabricate => use"]
        f["scrap => metal"][...] = f["fabricate => scrap"]
        self.use_phase()
        f["collect => recycle"][...] = f["use => collect"] * p["collection_rate"]
        f["collect => landfill"][...] = f["use => collect"] - f["collect => recycle"]
        f["recycle => metal"][...] = f["collect => recycle"] * p["recycling_yield"]
        f["recycle => landfill"][...] = f["collect => recycle"] - f["recycle => metal"]
        asked = f["metal => fabricate"].sum_over(("p",))
        arriving = (f["scrap => metal"] + f["recycle => metal"]).sum_over(("p",))
        f["sysenv => metal"][...] = (asked - arriving).maximum(0)
        f["metal => surplus"][...] = (arriving - asked).maximum(0)
        s["landfill"].inflow[...] = f["collect => landfill"] + f["recycle => landfill"]
        s["landfill"].compute()
        s["surplus"].inflow[...] = f["metal => surplus"]
        s["surplus"].compute()

    def use_phase(self) -> None:
        use = self.stocks["use"]
        use.inflow[...] = self.flows["fabricate => use"]
        self._compute_use()
        self.flows["use => collect"][...] = use.outflow
        self.in_use = use.stock

    def _compute_use(self) -> None:
        use = self.stocks["use"]
        use.lifetime_model.set_prms(
            weibull_scale=self.parameters["lifetime_scale"],
            weibull_shape=self.parameters["lifetime_shape"],
        )
        use.compute()


class LeanCycle(Cycle):
    """The cheapest way in flodym: cohorts of products, their elements afterwards.

    Its own mass balance then holds for the sum of elements only.
    """

    def use_phase(self) -> None:
        use, composition = self.stocks["use"], self.parameters["composition"]
        use.inflow[...] = self.parameters["demand"]
        self._compute_use()
        self.flows["use => collect"][...] = use.outflow * composition
        self.in_use = use.stock * composition


def flodym_cycle(kind: type[Cycle], numbers: xr.Dataset) -> Cycle:
    """Return the cycle ready to be computed."""

    def letters(dims: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(LETTERS[d] for d in dims)

    items: dict[str, list[Any]] = {"year": YEARS.tolist(), **DIMENSIONS}
    dims = flodym.DimensionSet(
        dim_list=[
            flodym.Dimension(name=d, letter=LETTERS[d], items=own, dtype=type(own[0]))
            for d, own in items.items()
        ]
    )
    names = ["sysenv", *dict.fromkeys(p for ends in FLOWS for p in ends if p != "mine")]
    processes = flodym.make_processes(names)
    use = ("year", "region", "product") if kind is LeanCycle else ("year", *FLOWS["use", "collect"])
    by_stock = {
        "use": (use, flodym.InflowDrivenDSM, flodym.WeibullLifetime),
        "landfill": (("year", "region", "product", "element"), flodym.SimpleFlowDrivenStock, None),
        "surplus": (("year", "region", "element"), flodym.SimpleFlowDrivenStock, None),
    }
    cycle = kind(
        dims=dims,
        parameters={
            n: flodym.Parameter(
                name=n, dims=dims.get_subset(letters(own)), values=numbers[n].transpose(*own).values
            )
            for n, (own, _) in PARAMETERS.items()
        },
        processes=processes,
        flows=flodym.make_empty_flows(
            processes=processes,
            flow_definitions=[
                flodym.FlowDefinition(
                    from_process_name=_flodym_process(source),
                    to_process_name=_flodym_process(target),
                    dim_letters=letters(("year", *own)),
                )
                for (source, target), own in FLOWS.items()
            ],
            dims=dims,
        ),
        stocks=flodym.make_empty_stocks(
            processes=processes,
            stock_definitions=[
                flodym.StockDefinition(
                    name=name,
                    process=name,
                    dim_letters=letters(own),
                    subclass=model,
                    lifetime_model_class=lifetime,
                )
                for name, (own, model, lifetime) in by_stock.items()
            ],
            dims=dims,
        ),
    )
    cycle.stocks["use"].lifetime_model.inflow_at = "end"
    return cycle


def run_flodym(cycle: Cycle) -> Cycle:
    """Compute the cycle and check its mass balance."""
    cycle.compute()
    cycle.check_mass_balance()
    return cycle


def difference(result: xr.Dataset, cycle: Cycle) -> float:
    """Return the worst difference of a flow or stock, relative to its largest value."""
    pairs = [
        (f"{source}_to_{target}", ("year", *own), cycle.flows[_name(source, target)].values)
        for (source, target), own in FLOWS.items()
    ]
    pairs.append(("use_stock", ("year", "region", "product", "element"), cycle.in_use.values))
    pairs += [
        (
            f"{n}_stock",
            tuple(d for d in LETTERS if LETTERS[d] in own.dims.letters),
            own.stock.values,
        )
        for n, own in cycle.stocks.items()
        if n != "use"
    ]
    assert {name for name, _, _ in pairs} == set(result.data_vars)
    return max(
        float(np.abs(result[n].transpose(*dims).values - peer).max() / np.abs(peer).max())
        for n, dims, peer in pairs
    )
