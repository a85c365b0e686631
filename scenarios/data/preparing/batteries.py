"""Cathode chemistries and the materials of a battery."""

import math
from collections import defaultdict

from preparing.records import MATERIALS, Record, Table, read_raw, translate

CHEMISTRY_OBSERVED = "ev_battery_chemistry_shares_world_2015_2024.csv"
CHEMISTRY_SCENARIO = "ev_battery_chemistry_scenario_world_to_2050.csv"
BATPAC = "battery_material_intensity_kg_per_kwh_batpac52.csv"
FIRST_CREDIBLE_CHEMISTRY_YEAR = 2020

TECHNOLOGIES = {
    "LFP": "LFP",
    "LMO": "LMO",
    "NCA": "NCA",
    "NMC 111": "NMC111",
    "NMC 532": "NMC532",
    "NMC 622": "NMC622",
    "NMC 721": "NMC721",
    "NMC 811": "NMC811",
    "NMCA 89:4:4:3": "NMCA",
}


def technology_share_observed() -> Table:
    """Shares of the cathode chemistries in the battery capacity sold, 2020 to 2024.

    Earlier years are dropped: they hold 20 % of NMC 811 in 2015, before it was on the
    market.
    """
    rows = [
        row
        for row in read_raw(CHEMISTRY_OBSERVED)
        if int(row["year"]) >= FIRST_CREDIBLE_CHEMISTRY_YEAR
    ]
    records = technology_shares(rows, "share_of_mwh", CHEMISTRY_OBSERVED)
    return Table("technology_share_observed.csv", ("year", "technology"), records)


def technology_share_scenario() -> Table:
    """Shares of the cathode chemistries in a scenario for the world, 2024 to 2050.

    The column is ``share_units``: by its name shares of the vehicles, not of the
    capacity, which is why 2024 differs from the observed shares.
    """
    rows = [row for row in read_raw(CHEMISTRY_SCENARIO) if row["bench_Region"] == "Global"]
    records = technology_shares(rows, "share_units", CHEMISTRY_SCENARIO)
    return Table("technology_share_scenario.csv", ("year", "technology"), records)


def technology_shares(rows: list[dict], column: str, raw_file: str) -> list[Record]:
    """The shares in ``column`` for all technologies, scaled to sum to one a year."""
    rows_of_year: dict[int, dict] = defaultdict(dict)
    for row in rows:
        technology = translate(TECHNOLOGIES, row["chemistry"])
        rows_of_year[int(row["year"])][technology] = row
    records = []
    for year, by_technology in rows_of_year.items():
        total = math.fsum(float(row[column]) for row in by_technology.values())
        for technology in TECHNOLOGIES.values():
            row = by_technology.get(technology)
            records.append(
                Record(
                    dimensions=(year, technology),
                    value=float(row[column]) / total if row else 0.0,
                    unit="1",
                    source="busch_chemistry",
                    raw_file=raw_file,
                    raw_rows=(row["raw_row"],) if row else (),
                    status="derived" if row else "absent",
                )
            )
    return records


def battery_content() -> Table:
    """Material in a battery with liquid electrolyte and graphite anode, kg per kWh.

    Of BatPaC 5.2. Dropped: aluminium, steel and phosphorus, silicon-bearing anodes,
    solid-state and sodium-ion batteries, and the rows that only count the kWh.
    """
    records = []
    for row in read_raw(BATPAC):
        material = MATERIALS.get(row["mineral"])
        is_graphite_battery = row["source"] == "BatPaC 5.2" and row["anode"] == "Graphite"
        if material and is_graphite_battery:
            records.append(
                Record(
                    dimensions=(translate(TECHNOLOGIES, row["chemistry"]), material),
                    value=float(row["kg_per_kwh"]),
                    unit="kg/kWh",
                    source="batpac52",
                    raw_file=BATPAC,
                    raw_rows=(row["raw_row"],),
                )
            )
    return Table("battery_content.csv", ("technology", "material"), records)
