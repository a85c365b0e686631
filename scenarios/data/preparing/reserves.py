"""World reserves of the six battery minerals."""

from preparing.mining import USGS_MCS
from preparing.records import MATERIALS, WORLD, Record, Table, read_mapping, read_raw, tonnes


def reserves_world() -> Table:
    """World reserves, contained tonnes, as the edition of the following year prints them.

    2022 to 2025. Reserves are what can be mined at the prices of their time: they rise
    and fall (copper: 890, 1,000, 980, 980 Mt). Nickel is printed as "more than" a
    number and has the status "reported; lower bound".
    """
    places = read_mapping("places.csv")
    records = []
    for row in read_raw(USGS_MCS):
        material = MATERIALS.get(row["commodity"].split(" ")[0])
        is_of_mines = row["type"].startswith(("Mine production", "Reserves"))
        if not material or row["statistic"] != "reserves" or not is_of_mines:
            continue
        if places.get(row["country"]) == WORLD:
            is_bound = row["value_raw"].startswith(">")
            records.append(
                Record(
                    dimensions=(int(row["year"]), material),
                    value=reserve_tonnes(row),
                    unit="t",
                    source=f"usgs_mcs{row['mcs_edition']}",
                    raw_file=USGS_MCS,
                    raw_rows=(row["raw_row"],),
                    status="reported; lower bound" if is_bound else "reported",
                )
            )
    return Table("reserves_world.csv", ("year", "material"), records)


def reserve_tonnes(row: dict) -> float:
    """Tonnes of the printed figure, without its thousands separators and bound."""
    printed = row["value_raw"].lstrip(">").replace(",", "")
    if row["unit"] == "thousand metric tons":
        return tonnes(printed)
    if row["unit"] == "metric tons":
        return float(printed)
    raise ValueError(f"unknown unit {row['unit']!r} in line {row['raw_row']}")
