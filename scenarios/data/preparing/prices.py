"""Prices of metals, by the tonne of contained metal."""

from decimal import Decimal

from preparing.records import Record, Table, read_raw

USGS_SALIENT = "usgs_mcs_salient_us_2017_2025.csv"
EDITION = "2026"
POUNDS = Decimal("2204.62262185")
"""Pounds in a tonne."""
LITHIUM_IN_CARBONATE = 2 * 6.94 / (2 * 6.94 + 12.011 + 3 * 15.999)

PRICES = {
    ("Aluminum", "ingot, average U.S. market (spot)"): ("Al", POUNDS / 100),
    ("Cobalt", "London Metal Exchange (LME), cash"): ("Co", POUNDS),
    ("Copper", "London Metal Exchange, grade A, cash"): ("Cu", POUNDS / 100),
    ("Graphite (Natural)", "dollars per metric ton at foreign ports: Flake"): (
        "graphite",
        Decimal(1),
    ),
    ("Iron And Steel Scrap", "No. 1 heavy melting composite"): ("steel", Decimal(1)),
    ("Lithium", "battery-grade lithium carbonate"): ("Li", Decimal(1)),
    ("Manganese", "China, dollars per metric ton unit"): ("Mn", Decimal(100)),
    ("Nickel", "cash: Dollars per metric ton"): ("Ni", Decimal(1)),
}
"""Which price stands for which metal, and the factor to dollars a tonne."""


def metal_price() -> Table:
    """Price of a tonne of contained metal, USD of the year, 2021 to 2025.

    Cobalt, copper and nickel on the London Metal Exchange, aluminium in the United
    States; lithium as that in battery-grade carbonate, manganese as that in ore (a
    "metric ton unit" is ten kilograms), graphite as natural flake, steel as the
    scrap that comes back from it.  2025 is an estimate throughout.
    """
    records = []
    for row in read_raw(USGS_SALIENT):
        if row["mcs_edition"] != EDITION or not row["item"].startswith("Price"):
            continue
        for (commodity, words), (material, factor) in PRICES.items():
            if row["commodity"] == commodity and words in row["item"]:
                price = float(Decimal(row["value_raw"].replace(",", "")) * factor)
                if material == "Li":
                    price /= LITHIUM_IN_CARBONATE
                is_estimated = row["notes"].startswith("Estimated")
                records.append(
                    Record(
                        dimensions=(int(row["year"]), material),
                        value=float(f"{price:.10g}"),
                        unit="USD/t",
                        source=f"usgs_mcs{EDITION}",
                        raw_file=USGS_SALIENT,
                        raw_rows=(row["raw_row"],),
                        status="estimated" if is_estimated else "reported",
                    )
                )
    return Table(
        "metal_price.csv", ("year", "material"), sorted(records, key=lambda r: r.dimensions)
    )
