"""Demand by sector, mining and refining in 2024, of the International Energy Agency."""

from collections import defaultdict

from preparing.mining import country_shares
from preparing.records import (
    MATERIALS,
    WORLD,
    Record,
    Table,
    read_mapping,
    read_raw,
    tonnes,
    translate,
)

IEA_DEMAND = "iea_cm2025_demand_by_sector_2024.csv"
IEA_SUPPLY = "iea_cm2025_mining_refining_by_country_2024.csv"

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
