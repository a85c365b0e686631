"""Write the canonical tables of this folder from the published figures in ``raw/``.

    python scenarios/data/prepare.py            write every table
    python scenarios/data/prepare.py --check    write nothing; exit 1 if a table differs

Every table is long: its dimension columns, then

    value      the number; empty where the publisher withholds it
    unit       t, t/yr, vehicle/yr, kWh/vehicle, kg/kWh or 1
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
               and, for world lithium, the words "excludes United States"

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
import math
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RAW = FOLDER / "raw"

LUNDAEV = "world_mine_production_1913_2022_lundaev2023.csv"
USGS_MCS = "usgs_mcs_world_production_reserves_2020_2025.csv"
CLIO_INFRA = "owid_clio_infra_usgs_metal_production_by_country_1850_2015.csv"
IEA_DEMAND = "iea_cm2025_demand_by_sector_2024.csv"
IEA_SUPPLY = "iea_cm2025_mining_refining_by_country_2024.csv"
IEA_CARS = "iea_gevo2025_ev_cars_historical_2010_2024.csv"
ICCT_SALES = "icct_ev_sales_scenario_by_country_2015_2050.csv"
CHEMISTRY_OBSERVED = "ev_battery_chemistry_shares_world_2015_2024.csv"
CHEMISTRY_SCENARIO = "ev_battery_chemistry_scenario_world_to_2050.csv"
BATPAC = "battery_material_intensity_kg_per_kwh_batpac52.csv"
END_USES = "end_use_shares_li_co_ni.csv"

FIRST_USGS_MCS_YEAR = 2020
FIRST_CLIO_INFRA_SHARE_YEAR = 1975
FEWEST_COUNTRIES_FOR_SHARES = 3
FIRST_CREDIBLE_CHEMISTRY_YEAR = 2020

KWH_PER_GWH = 1.0e6

WORLD = "World"
REST_OF_WORLD = "Rest of World"

MATERIALS = {
    "Lithium": "Li",
    "Cobalt": "Co",
    "Nickel": "Ni",
    "Graphite": "graphite",
    "Manganese": "Mn",
    "Copper": "Cu",
}

SHARE_COUNTRIES = (
    "Argentina",
    "Australia",
    "Canada",
    "Chile",
    "China",
    "Democratic Republic of the Congo",
    "Finland",
    "Gabon",
    "Indonesia",
    "Japan",
    "Madagascar",
    "Mozambique",
    "New Caledonia",
    "Peru",
    "Philippines",
    "Russia",
    "South Africa",
    "United States",
    "Zimbabwe",
    REST_OF_WORLD,
)

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

DEMAND_SECTORS = {
    "Electric vehicles": "electric vehicles",
    "Grid battery storage": "grid storage",
    "otherUses": "other uses",
    "totalDemand": "total",
}
OTHER_CLEAN_SECTORS = (
    "Solar PV",
    "Wind",
    "Low emissions power generation",
    "Other low emissions power generation",
    "Electricity networks",
    "Hydrogen technologies",
)
DEMAND_SUBTOTALS = ("totalClean", "cleanShare")

END_USE_LABELS = {
    "Nickel": "total",
    "Nickel in Stainless steel": "stainless steel",
    "nonferrous alloys": "nonferrous alloys",
    "electroplating and other surface finishing": "plating",
    "alloy steels other than stainless": "alloy steels",
    "foundry products": "foundry",
    "Lithium": "total",
    "Batteries": "batteries",
    "Portable applications": "portable electronics",
    "Ceramics & glass": "ceramics and glass",
    "lubricating greases": "lubricating greases",
    "polymer production": "polymers",
    "continuous casting mold flux powders": "casting powders",
    "air treatment": "air treatment",
    "other uses": "other uses",
    "Cobalt": "total",
    "EV": "electric vehicles",
    "Portables": "portable electronics",
    "superalloys": "superalloys",
    "Hard metals": "hard metals",
    "Catalyst": "catalysts",
    "Ceramic/Colours": "pigments and ceramics",
    "Others": "other uses",
}
END_USE_SOURCES = {
    "USGS 2018 Minerals Yearbook": "usgs_myb2018",
    "Cobalt Institute": "cobalt_institute2023",
}
YEAR_OF_NICKEL_END_USES = 2018


@dataclass(frozen=True)
class Record:
    """One row of a canonical table."""

    dimensions: tuple
    value: float | None
    unit: str
    source: str
    raw_file: str
    raw_rows: tuple[int, ...]
    status: str = "reported"


@dataclass(frozen=True)
class Table:
    """A canonical table: file name, names of the dimension columns, rows."""

    name: str
    dimension_names: tuple[str, ...]
    records: list[Record]


# ---------------------------------------------------------------- reading


def read_raw(file_name: str) -> list[dict]:
    """Rows of a raw file as dictionaries; the key ``raw_row`` holds the line number."""
    with open(RAW / file_name, encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        return [{**row, "raw_row": reader.line_num} for row in reader]


def read_mapping(file_name: str) -> dict[str, str]:
    """A two-column mapping table of this folder, raw name to canonical name."""
    with open(FOLDER / file_name, encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    mapping = dict(rows)
    if len(mapping) != len(rows):
        raise ValueError(f"{file_name} maps a name twice")
    return mapping


def translate(mapping: dict[str, str], raw_name: str) -> str:
    """The canonical name of ``raw_name``; a name nobody has mapped is an error."""
    if raw_name not in mapping:
        raise ValueError(f"no canonical name for {raw_name!r}: add it to its mapping")
    return mapping[raw_name]


def tonnes(*kilotonnes: str) -> float:
    """The sum of printed kilotonnes in tonnes, in decimals: 66.5071 gives 66507.1."""
    return float(sum(Decimal(text) for text in kilotonnes) * 1000)


# ---------------------------------------------------------------- mine production


def usgs_mine_rows() -> list[dict]:
    """Mine production of the six materials in the Mineral Commodity Summaries.

    Two editions print the same year, the later one revised: the rows of the highest
    edition are kept. Refinery production, capacity and reserves are dropped, and so are
    all other commodities. Each row gains the keys ``material`` and ``status``.
    """
    rows = []
    for row in read_raw(USGS_MCS):
        material = MATERIALS.get(row["commodity"].split(" ")[0])
        is_mine_production = row["type"].startswith("Mine production")
        if material and row["statistic"] == "production" and is_mine_production:
            rows.append({**row, "material": material, "status": usgs_status(row)})

    latest_edition: dict[tuple, int] = defaultdict(int)
    for row in rows:
        key = (row["material"], row["year"])
        latest_edition[key] = max(latest_edition[key], int(row["mcs_edition"]))
    return [
        row
        for row in rows
        if int(row["mcs_edition"]) == latest_edition[row["material"], row["year"]]
    ]


def usgs_status(row: dict) -> str:
    """Withheld, estimated or reported.

    Estimates are marked in four ways, depending on the edition: by a flag, in the name
    of the column, in a footnote, or by heading the edition's newest year with an "e".
    """
    if row["value_raw"] == "W":
        return "withheld"
    says_estimated = "estimated" in (row["type"] + row["notes"]).lower()
    is_newest_year = int(row["year"]) == int(row["mcs_edition"]) - 1
    if row["estimated"] == "yes" or says_estimated or is_newest_year:
        return "estimated"
    return "reported"


def usgs_tonnes(row: dict) -> float | None:
    """Contained tonnes per year; None where withheld, 0 where a dash says nil."""
    if row["value_raw"] == "W":
        return None
    if row["value_raw"] == "—":
        return 0.0
    if row["unit"] == "thousand metric tons":
        return tonnes(row["value"])
    if row["unit"] == "metric tons":
        return float(row["value"])
    raise ValueError(f"unknown unit {row['unit']!r} in line {row['raw_row']}")


def usgs_record(row: dict, dimensions: tuple, status: str) -> Record:
    """A record of mine production from a row of the Mineral Commodity Summaries."""
    return Record(
        dimensions=dimensions,
        value=usgs_tonnes(row),
        unit="t/yr",
        source=f"usgs_mcs{row['mcs_edition']}",
        raw_file=USGS_MCS,
        raw_rows=(row["raw_row"],),
        status=status,
    )


def mine_production_world() -> Table:
    """World mine production, contained tonnes per year.

    To 2019 the compilation of Lundaev et al. (lithium from 1975, cobalt and copper from
    1913, nickel and manganese from 1920); from 2020 the printed world total of the
    Mineral Commodity Summaries. Natural graphite begins in 2020. The world total of
    lithium leaves out the United States in every edition.
    """
    places = read_mapping("places.csv")
    records = []
    for row in read_raw(LUNDAEV):
        material = MATERIALS.get(row["metal"])
        is_compilation = row["compiled_by"] == "Lundaev et al, 2023"
        if material and is_compilation and int(row["year"]) < FIRST_USGS_MCS_YEAR:
            records.append(
                Record(
                    dimensions=(int(row["year"]), material),
                    value=float(row["value"]),
                    unit="t/yr",
                    source="lundaev2023",
                    raw_file=LUNDAEV,
                    raw_rows=(row["raw_row"],),
                )
            )
    for row in usgs_mine_rows():
        if translate(places, row["country"]) == WORLD:
            status = row["status"]
            if row["material"] == "Li":
                status += "; excludes United States"
            records.append(usgs_record(row, (int(row["year"]), row["material"]), status))
    return Table("mine_production_world.csv", ("year", "material"), records)


def mine_production_by_country() -> Table:
    """Mine production by country, contained tonnes per year.

    All six materials from the Mineral Commodity Summaries since 2020; nickel (to 2013)
    and manganese (to 2014) from Clio-Infra as republished by Our World in Data. World
    totals are dropped. The source tells the two apart: they differ in coverage, and
    Clio-Infra has no New Caledonia before 2013.
    """
    places = read_mapping("places.csv")
    records = []
    for row in read_raw(CLIO_INFRA):
        material = {"nickel": "Ni", "manganese": "Mn"}.get(row["metal"])
        if material is None:
            continue
        place = translate(places, row["entity"])
        if place != WORLD:
            records.append(
                Record(
                    dimensions=(int(row["year"]), material, place),
                    value=tonnes(row["value_kt"]),
                    unit="t/yr",
                    source="owid_clio_infra",
                    raw_file=CLIO_INFRA,
                    raw_rows=(row["raw_row"],),
                )
            )
    for row in usgs_mine_rows():
        place = translate(places, row["country"])
        if place != WORLD:
            dimensions = (int(row["year"]), row["material"], place)
            records.append(usgs_record(row, dimensions, row["status"]))
    dimension_names = ("year", "material", "mine_country")
    return Table("mine_production_by_country.csv", dimension_names, records)


def mine_share(production: Table) -> Table:
    """Shares of the countries in mine production, from 1975.

    Shares of the sum of the rows, not of the printed world total, which is rounded.
    Countries without a label of their own are pooled in the Rest of World. Withheld
    figures count in no share and in no sum: the United States has no part in lithium,
    its share is 0 and has the status withheld.
    A (year, material) with fewer than three countries is dropped.
    """
    groups = defaultdict(list)
    for record in production.records:
        year, material, place = record.dimensions
        if year >= FIRST_CLIO_INFRA_SHARE_YEAR:
            groups[year, material].append((place, record))
    records = []
    for group, members in groups.items():
        if len(members) >= FEWEST_COUNTRIES_FOR_SHARES:
            records.extend(country_shares(group, members))
    return Table("mine_share.csv", ("year", "material", "mine_country"), records)


def refine_share(supply: Table) -> Table:
    """Shares of the countries in refining, 2024.

    From the IEA; there is no manganese. Shares of the sum of the rows, pooled like the
    mine shares. The file does not say whether refined graphite includes synthetic.
    """
    groups = defaultdict(list)
    for record in supply.records:
        year, material, stage, place = record.dimensions
        if stage == "refining" and place != WORLD:
            groups[year, material].append((place, record))
    records = []
    for group, members in groups.items():
        records.extend(country_shares(group, members))
    return Table("refine_share.csv", ("year", "material", "refine_country"), records)


def country_shares(group: tuple, members: list[tuple[str, Record]]) -> list[Record]:
    """A share for every label of SHARE_COUNTRIES, from (place, amount) members."""
    pooled: dict[str, list[Record]] = {label: [] for label in SHARE_COUNTRIES}
    for place, record in members:
        pooled[place if place in pooled else REST_OF_WORLD].append(record)
    total = sum_of_printed([record for _, record in members])
    example = members[0][1]
    return [
        Record(
            dimensions=(*group, label),
            value=sum_of_printed(amounts) / total,
            unit="1",
            source=example.source,
            raw_file=example.raw_file,
            raw_rows=tuple(sorted(line for record in amounts for line in record.raw_rows)),
            status=share_status(amounts),
        )
        for label, amounts in pooled.items()
    ]


def sum_of_printed(amounts: list[Record]) -> float:
    """The sum of the amounts that are not withheld."""
    return math.fsum(record.value for record in amounts if record.value is not None)


def share_status(amounts: list[Record]) -> str:
    """Absent, withheld, estimated (at least one of the amounts) or derived."""
    if not amounts:
        return "absent"
    if all(record.status == "withheld" for record in amounts):
        return "withheld"
    if any(record.status == "estimated" for record in amounts):
        return "estimated"
    return "derived"


# ---------------------------------------------------------------- IEA critical minerals


def iea_demand() -> Table:
    """Demand by sector in 2024, tonnes per year.

    The clean-energy sectors other than vehicles and storage are summed into "other
    clean". The subtotal of all clean sectors and its share are dropped. For copper the
    printed sectors add up to 32 kt more than the printed total.
    """
    records = []
    other_clean: dict[tuple, list[dict]] = {}
    for row in read_raw(IEA_DEMAND):
        material, sector = MATERIALS.get(row["mineral"]), row["sector_or_total"]
        if material is None or sector in DEMAND_SUBTOTALS:
            continue
        group = (int(row["year"]), material)
        other_clean.setdefault(group, [])
        if sector in OTHER_CLEAN_SECTORS:
            other_clean[group].append(row)
        else:
            label = translate(DEMAND_SECTORS, sector)
            records.append(iea_demand_record((*group, label), [row], "reported"))
    for group, rows in other_clean.items():
        status = "derived" if rows else "absent"
        records.append(iea_demand_record((*group, "other clean"), rows, status))
    return Table("iea_demand_2024.csv", ("year", "material", "sector"), records)


def iea_demand_record(dimensions: tuple, rows: list[dict], status: str) -> Record:
    """A record of demand: the sum of ``rows``, which are in kilotonnes."""
    return Record(
        dimensions=dimensions,
        value=tonnes(*(row["value"] for row in rows)),
        unit="t/yr",
        source="iea_cm2025",
        raw_file=IEA_DEMAND,
        raw_rows=tuple(row["raw_row"] for row in rows),
        status=status,
    )


def iea_mining_refining() -> Table:
    """Mining and refining by country in 2024, tonnes per year, with the world total.

    Rare earths are dropped, and with them two footnotes that the file holds as rows.
    """
    places = read_mapping("places.csv")
    records = []
    for row in read_raw(IEA_SUPPLY):
        material = MATERIALS.get(row["mineral"])
        if material is None:
            continue
        place = translate(places, row["country"])
        records.append(
            Record(
                dimensions=(int(row["year"]), material, row["stage"], place),
                value=tonnes(row["value"]),
                unit="t/yr",
                source="iea_cm2025",
                raw_file=IEA_SUPPLY,
                raw_rows=(row["raw_row"],),
            )
        )
    dimension_names = ("year", "material", "stage", "country")
    return Table("iea_mining_refining_2024.csv", dimension_names, records)


# ---------------------------------------------------------------- electric cars


def vehicle_sales() -> Table:
    """Electric cars sold, battery-electric and plug-in hybrid, 2010 to 2024.

    Fuel-cell cars are left out: their batteries are small and not of this kind. The
    Rest of World is World - China - Europe - United States. The IEA's own row "Rest of
    the world" is not used: it leaves out the countries that have a row of their own.
    The IEA rounds to two digits, so that the difference is coarse where it is small.
    """
    regions = read_mapping("regions.csv")
    sold = defaultdict(list)
    for row in read_raw(IEA_CARS):
        if row["parameter"] == "EV sales" and row["powertrain"] in ("BEV", "PHEV"):
            sold[int(row["year"]), row["region"]].append(row)

    records = []
    for year in sorted({year for year, _ in sold}):
        named = [row for name in ("China", "Europe", "USA") for row in sold[year, name]]
        for name in ("China", "Europe", "USA"):
            rows = sold[year, name]
            dimensions = (year, translate(regions, name))
            records.append(vehicle_sales_record(dimensions, number_sold(rows), rows, "reported"))
        rest = number_sold(sold[year, WORLD]) - number_sold(named)
        rows = sold[year, WORLD] + named
        records.append(vehicle_sales_record((year, REST_OF_WORLD), rest, rows, "derived"))
    return Table("vehicle_sales.csv", ("year", "region"), records)


def number_sold(rows: list[dict]) -> float:
    """Vehicles in the given rows of the IEA's car file."""
    return math.fsum(float(row["value"]) for row in rows)


def vehicle_sales_record(
    dimensions: tuple, vehicles: float, rows: list[dict], status: str
) -> Record:
    """A record of car sales that rests on the given rows of the IEA's car file."""
    return Record(
        dimensions=dimensions,
        value=vehicles,
        unit="vehicle/yr",
        source="iea_gevo2025",
        raw_file=IEA_CARS,
        raw_rows=tuple(sorted(row["raw_row"] for row in rows)),
        status=status,
    )


def battery_capacity(sales: Table) -> Table:
    """Battery per car sold, 2010 to 2024: the IEA's battery demand over ``sales``.

    An implied pack size, battery-electric and plug-in hybrid together, so that sales
    times capacity gives back the gigawatt hours of the IEA. Battery demand of "Rest of
    the world" is taken as printed: for batteries, unlike for sales, it does cover the
    countries outside China, Europe and the United States. India is printed beside it as
    well, 3 GWh in 2024; rounding hides whether it is inside, and it is not added.
    """
    regions = read_mapping("regions.csv")
    sales_of = {record.dimensions: record for record in sales.records}
    records = []
    for row in read_raw(IEA_CARS):
        if row["parameter"] == "Battery demand" and row["region"] not in (
            WORLD,
            "India",
        ):
            dimensions = (int(row["year"]), translate(regions, row["region"]))
            sold = sales_of[dimensions]
            records.append(
                Record(
                    dimensions=dimensions,
                    value=float(row["value"]) * KWH_PER_GWH / sold.value,
                    unit="kWh/vehicle",
                    source="iea_gevo2025",
                    raw_file=IEA_CARS,
                    raw_rows=tuple(sorted((row["raw_row"], *sold.raw_rows))),
                    status="derived",
                )
            )
    return Table("battery_capacity.csv", ("year", "region"), records)


def vehicle_sales_icct() -> Table:
    """Electric vehicles sold in a scenario of the ICCT, 2015 to 2050.

    The 64 countries and groups are summed to the four regions; none is dropped.
    """
    regions = read_mapping("regions.csv")
    sold = defaultdict(list)
    for row in read_raw(ICCT_SALES):
        sold[int(row["year"]), translate(regions, row["country"])].append(row)
    records = [
        Record(
            dimensions=dimensions,
            value=math.fsum(float(row["ev_sales_units"]) for row in rows),
            unit="vehicle/yr",
            source="icct_roadmap",
            raw_file=ICCT_SALES,
            raw_rows=tuple(row["raw_row"] for row in rows),
            status="derived",
        )
        for dimensions, rows in sold.items()
    ]
    return Table("vehicle_sales_icct.csv", ("year", "region"), records)


# ---------------------------------------------------------------- batteries


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


# ---------------------------------------------------------------- end uses


def end_use_anchor() -> Table:
    """World consumption and its division among end uses: Li and Ni in 2018, Co in 2022.

    Rows of the United States, of production, and of batteries in GWh are dropped. The
    share of stainless steel in nickel is derived from the two printed amounts. Three
    nickel rows have no year of their own; they are from the yearbook of the others.
    Portable electronics in lithium are part of its batteries: do not add the two.
    """
    records = []
    for row in read_raw(END_USES):
        is_tonnes = row["unit"].startswith("metric tons")
        is_amount = row["metric"] == "Consumption" and is_tonnes
        is_share = row["metric"] == "Consumption share"
        if row["geography"] != WORLD or not (is_amount or is_share):
            continue
        year = int(float(row["year"])) if row["year"] else YEAR_OF_NICKEL_END_USES
        material = MATERIALS[row["mineral"].capitalize()]
        end_use = translate(END_USE_LABELS, row["end_use"])
        is_subset = (material, end_use) == ("Li", "portable electronics")
        records.append(
            Record(
                dimensions=(
                    year,
                    material,
                    end_use,
                    "consumption" if is_amount else "share",
                ),
                value=float(row["value"]),
                unit="t/yr" if is_amount else "1",
                source=translate(END_USE_SOURCES, row["reference"]),
                raw_file=END_USES,
                raw_rows=(row["raw_row"],),
                status="subset" if is_subset else "reported",
            )
        )
    records.append(nickel_in_stainless_steel(records))
    dimension_names = ("year", "material", "end_use", "kind")
    return Table("end_use_anchor.csv", dimension_names, records)


def nickel_in_stainless_steel(records: list[Record]) -> Record:
    """The share of stainless steel in the use of nickel, from the two amounts."""
    amounts = {record.dimensions: record for record in records}
    year, material = YEAR_OF_NICKEL_END_USES, "Ni"
    stainless_steel = amounts[year, material, "stainless steel", "consumption"]
    total = amounts[year, material, "total", "consumption"]
    return Record(
        dimensions=(year, material, "stainless steel", "share"),
        value=stainless_steel.value / total.value,
        unit="1",
        source=total.source,
        raw_file=total.raw_file,
        raw_rows=tuple(sorted(stainless_steel.raw_rows + total.raw_rows)),
        status="derived",
    )


# ---------------------------------------------------------------- writing


def all_tables() -> list[Table]:
    """Every canonical table, in the order of this file."""
    production = mine_production_by_country()
    supply = iea_mining_refining()
    sales = vehicle_sales()
    return [
        mine_production_world(),
        production,
        mine_share(production),
        refine_share(supply),
        iea_demand(),
        supply,
        sales,
        battery_capacity(sales),
        vehicle_sales_icct(),
        technology_share_observed(),
        technology_share_scenario(),
        battery_content(),
        end_use_anchor(),
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
