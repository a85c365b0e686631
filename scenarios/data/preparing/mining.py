"""Mine production by country and in the world, and the shares of the countries."""

from collections import defaultdict

from preparing.records import (
    MATERIALS,
    REST_OF_WORLD,
    WORLD,
    Record,
    Table,
    read_mapping,
    read_raw,
    sum_of_printed,
    tonnes,
    translate,
)

LUNDAEV = "world_mine_production_1913_2022_lundaev2023.csv"
USGS_MCS = "usgs_mcs_world_production_reserves_2020_2025.csv"
CLIO_INFRA = "owid_clio_infra_usgs_metal_production_by_country_1850_2015.csv"
FIRST_USGS_MCS_YEAR = 2020
FIRST_CLIO_INFRA_SHARE_YEAR = 1975
FEWEST_COUNTRIES_FOR_SHARES = 3
CAPACITY_AS_OF = 2025

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


def usgs_mine_rows() -> list[dict]:
    """Mine production of the six materials in the Mineral Commodity Summaries.

    Refinery production, capacity and reserves are dropped, and so are all other
    commodities.
    """
    return usgs_rows(
        {commodity: (material, "Mine production") for commodity, material in MATERIALS.items()}
    )


def usgs_rows(wanted: dict[str, tuple[str, str]]) -> list[dict]:
    """Production in the Mineral Commodity Summaries, of each country and the world.

    ``wanted`` gives the material and the kind of production by the first word of the
    commodity. Two editions print the same year, the later one revised: the rows of the
    highest edition are kept. Each row gains the keys ``material`` and ``status``.
    """
    rows = []
    for row in read_raw(USGS_MCS):
        material, kind = wanted.get(row["commodity"].split(" ")[0], ("", ""))
        if material and row["statistic"] == "production" and row["type"].startswith(kind):
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


def mine_capacity(production: Table) -> Table:
    """What the mines of each country have shown that they can deliver: their best year since 2020.

    Nobody publishes capacities of mines, so this is a declared stand-in. Countries without a
    label of their own are pooled year by year. The year of a row is that from which it is
    used; the best year is in the row of the raw file.
    """
    groups: dict[tuple, dict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in production.records:
        year, material, place = record.dimensions
        if FIRST_USGS_MCS_YEAR <= year <= CAPACITY_AS_OF and record.value is not None:
            label = place if place in SHARE_COUNTRIES else REST_OF_WORLD
            groups[material, label][year].append(record)
    records = []
    for material in sorted({material for material, _ in groups}):
        for label in SHARE_COUNTRIES:
            years = groups.get((material, label), {})
            best = max(years.values(), key=sum_of_printed, default=[])
            of_material = (r for r in production.records if r.dimensions[1] == material)
            example = best[0] if best else max(of_material, key=lambda r: r.dimensions[0])
            records.append(
                Record(
                    dimensions=(CAPACITY_AS_OF, material, label),
                    value=sum_of_printed(best) if best else 0.0,
                    unit="t/yr",
                    source=example.source,
                    raw_file=example.raw_file,
                    raw_rows=tuple(sorted(line for record in best for line in record.raw_rows)),
                    status=share_status(best),
                )
            )
    return Table("mine_capacity.csv", ("year", "material", "mine_country"), records)


def share_status(amounts: list[Record]) -> str:
    """Absent, withheld, estimated (at least one of the amounts) or derived."""
    if not amounts:
        return "absent"
    if all(record.status == "withheld" for record in amounts):
        return "withheld"
    if any(record.status == "estimated" for record in amounts):
        return "estimated"
    return "derived"
