"""Write the canonical tables of this folder from the published figures in ``raw/``.

    python scenarios/data/prepare.py            write every table
    python scenarios/data/prepare.py --check    write nothing; exit 1 if a table differs

Every table is long: its dimension columns, then

    value      the number; empty where the publisher withholds it
    unit       t, t/yr, yr, person, USD/yr, USD/person, USD/t, vehicle/yr, kWh/vehicle,
               kg/vehicle, kg/kWh or 1; README.md says which dollars
    source     a key of sources.bib
    raw_file   the file in raw/ the value was taken from
    raw_row    its line or lines in that file, the header being line 1; joined by ";"
    status     reported    as printed; at most the unit is converted, or battery-
                           electric and plug-in hybrid cars are added up
               estimated   printed, and marked as an estimate by the publisher
               withheld    the publisher knows the figure and does not print it; a
                           withheld amount is empty, a share that would need it is 0
               derived     computed here from the lines named in raw_row
               absent      the source has no line for this label; the value is 0
               subset      already contained in another row of the same table
               interpolated  printed, but on a straight line between other years
               and after a semicolon "excludes United States" (world lithium),
               "before the break" (steel),
               "lower bound" and "upper bound" (printed as more, as less than the value),
               "net exporter" (printed as E, the value is 0)

Nothing is interpolated. A year that no source reports is a year without a row.

Where the world is cut into regions (regions.csv)
-------------------------------------------------
Europe is what the International Energy Agency calls Europe in its electric-vehicle
data: the European Union with the United Kingdom, Norway, Switzerland, Iceland, Turkey
and Israel. The ICCT groups "Rest of EU" and "Western Europe non EU" belong to it.
Russia and "Eastern Europe/Central Asia" do not: they are in the Rest of World, and so
is every other country except China and the United States.
"""

import csv
import hashlib
import io
import os
import sys
from pathlib import Path

from preparing import (
    batteries,
    cars,
    drivers,
    end_of_life,
    end_uses,
    iea,
    metals,
    mining,
    prices,
    reserves,
    risk,
    technology,
)
from preparing.records import FOLDER, Table


def all_tables() -> list[Table]:
    """Every canonical table, in the order of this file."""
    production = mining.mine_production_by_country()
    supply = iea.iea_mining_refining()
    sales = cars.vehicle_sales()
    gdp, people = drivers.gdp_2015usd(), drivers.population()
    parts = {
        "battery": technology.battery_content_all(),
        "motor": technology.motor_content(),
        "body": technology.body_content(),
    }
    return [
        mining.mine_production_world(),
        production,
        mining.mine_share(production),
        mining.mine_capacity(production),
        reserves.reserves_world(),
        prices.metal_price(),
        iea.refine_share(supply),
        iea.iea_demand(),
        supply,
        sales,
        cars.powertrain_share(),
        cars.battery_capacity(sales),
        cars.vehicle_sales_icct(),
        batteries.technology_share_observed(),
        batteries.technology_share_scenario(),
        batteries.battery_content(),
        end_uses.end_use_anchor(),
        drivers.gdp_per_capita(),
        drivers.population_history(),
        people,
        gdp,
        drivers.world_gdp_per_capita_2015usd(gdp, people),
        drivers.gdp_ssp2(),
        drivers.population_ssp2(),
        metals.steel_consumption(),
        metals.metal_production_world(),
        *parts.values(),
        technology.nev_minerals(parts),
        end_of_life.steel_eol_recovery(),
        end_of_life.recycling_rate_literature(),
        end_of_life.eu_policy_targets(),
        end_of_life.product_lifetime(),
        risk.governance(),
        risk.production_share(),
        risk.us_import_reliance(),
        risk.us_supply(),
        risk.us_import_source(),
        risk.us_supply_risk(),
        risk.eu_criticality(),
    ]


def render(table: Table) -> bytes:
    """The table as the bytes of its file, rows sorted by their dimensions."""
    keys = {record.dimensions for record in table.records}
    if len(keys) != len(table.records):
        raise ValueError(f"{table.name} has two rows for one key")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    provenance = ("value", "unit", "source", "raw_file", "raw_row", "status")
    writer.writerow(table.dimension_names + provenance)
    for record in sorted(table.records, key=lambda record: record.dimensions):
        writer.writerow(
            (
                *record.dimensions,
                "" if record.value is None else repr(record.value),
                record.unit,
                record.source,
                record.raw_file,
                ";".join(str(line) for line in record.raw_rows),
                record.status,
            )
        )
    return stream.getvalue().encode("utf-8")


def write(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename, so that no half table is ever seen."""
    temporary = path.with_suffix(".csv.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def main(arguments: list[str]) -> int:
    """Write or check every table; the number returned is the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: prepare.py [--check]", file=sys.stderr)
        return 2
    check = arguments == ["--check"]
    changed = 0
    for table in all_tables():
        path, content = FOLDER / table.name, render(table)
        remark = ""
        if not check:
            write(path, content)
        elif not path.exists() or path.read_bytes() != content:
            changed += 1
            remark = "  DIFFERS from the file"
        digest = hashlib.sha256(content).hexdigest()[:12]
        print(f"{table.name:32} {len(table.records):5d} rows  {digest}{remark}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
