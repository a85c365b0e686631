"""What mines of nickel and cobalt can deliver if new ones come as late as they do: a declared pipeline.

    python scenarios/mine_pipeline.py

writes ``scenarios/mines/capacity.csv`` [t/yr] from ``data/mine_capacity.csv``, the best year of
each country since 2020, which counts as what its mines can do in 2025.  Real projects are in no
table here, so they are declared: every year each country decides on new mines of a share of that.
``fast_electrification_mines.yaml`` takes the table as its capacity; ``tests/scenarios/test_shocks.py``
makes it again.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mfa import availability

FOLDER = Path(__file__).parent
OBSERVED = FOLDER / "data" / "mine_capacity.csv"
WRITTEN = FOLDER / "mines" / "capacity.csv"

METALS = ("Co", "Ni")
FIRST, LAST = 2025, 2050

DECIDED = range(2017, 2043)
"""Years in which mines are decided that come before the end."""

SHARE = 0.04
"""Assumed: new mines decided in a year, per capacity of 2025; twice what wears out."""

DECLINE = 0.02
"""Assumed: share of the mines of 2025 that is worked out in a year."""

LEAD, LEAD_SPREAD = 8.5, 1.5
"""Assumed: years from decision to first production, the middle of the 7 to 10 that permits take."""

RAMP = 3
"""Assumed: years until a mine is at its size."""


def capacity(share: float = SHARE, lead: float = LEAD) -> pd.DataFrame:
    """Return the capacity by year, material and country [t/yr], with the source of what it starts from."""
    observed = pd.read_csv(OBSERVED).query("material in @METALS")
    base = observed.set_index(["mine_country", "material"]).value.to_xarray()
    base = base.assign_attrs(units="t/yr")
    projects = [
        {"mine_country": row.mine_country, "material": row.material, "decided": year,
         "size": share * row.value}
        for row in observed.itertuples()
        for year in DECIDED
    ]  # fmt: skip
    years = range(FIRST, LAST + 1)
    found = availability.mine_capacity(
        projects, years, base=base, decline=DECLINE, lead=lead, lead_spread=LEAD_SPREAD, ramp=RAMP
    )
    table = found.rename("value").to_dataframe().round(1).reset_index()
    told = observed.set_index(["mine_country", "material"])[["unit", "source"]]
    table = table.join(told, on=["mine_country", "material"]).assign(status="assumed")
    columns = ["year", "material", "mine_country", "value", "unit", "source", "status"]
    return table[columns].sort_values(columns[:3], ignore_index=True)


def main() -> None:
    """Write the table under a temporary name, then rename, so that no half table is ever seen."""
    temporary = WRITTEN.with_suffix(".csv.tmp")
    capacity().to_csv(temporary, index=False, lineterminator="\n")
    temporary.replace(WRITTEN)
    print(f"wrote {WRITTEN}")


if __name__ == "__main__":
    main()
