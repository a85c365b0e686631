"""Metals over a century: final consumption of steel, world production of Cu, Al and Ni."""

from collections import defaultdict
from decimal import Decimal

from preparing.mining import LUNDAEV, usgs_record, usgs_rows
from preparing.records import WORLD, Record, Table, read_mapping, read_raw, tonnes, translate

STEEL = "steel_final_consumption_9_countries_1900_2008.csv"
COPPER = "usgs_ds140_copper_world_1900_2021.csv"

FIRST_YEAR_AFTER_BREAK = defaultdict(lambda: 1962, {"Ethiopia": 1993})
FEWEST_POINTS_ON_A_LINE = 5
LINE_TOLERANCE = Decimal("1e-6")

TONNES_PER_SHORT_TON = Decimal("0.90718474")
SHORT_TONS = {"Aluminium": range(1919, 1970), "Nickel": range(1920, 1970)}
LAST_LUNDAEV_YEAR = 2020

USGS_METALS = {
    "Copper": ("Cu", "Mine production", 2022),
    "Aluminum": ("Al", "Smelter production", 2021),
    "Nickel": ("Ni", "Mine production", 2021),
}
"""Material, kind of production and first year taken, by name of the commodity."""


# ---------------------------------------------------------------- steel


def steel_consumption() -> Table:
    """Final consumption of steel in nine countries, tonnes per year.

    Final: steel in the finished products that a country puts to use, net of the scrap
    of making them and of trade in them; not apparent consumption. A printed 0 means
    that there is no figure and gives no row. The status tells apart

    - rows before a break. From 1961 to 1962 every country but France steps up: Hungary
      by 14 %, Canada by half, Denmark to six times, Greece to forty times, Indonesia to
      two hundred times as much; Ethiopia in 1993. Probably trade counts only from then
      on: 1962 is the first year of the trade statistics of the United Nations.
    - rows on a straight line between other years of the same series.

    ``where: {status: reported}`` leaves the years that can be fitted, without a gap:
    1962 to 2008 (Brazil, France, Hungary and Indonesia to 1994, Ethiopia from 1993).
    """
    places = read_mapping("places.csv")
    series = defaultdict(list)
    for row in read_raw(STEEL):
        series[translate(places, row["country"])].append(row)
    records = []
    for place, rows in series.items():
        interpolated = years_on_a_line(rows)
        for row in rows:
            year = int(row["year"])
            status = "interpolated" if year in interpolated else "reported"
            if year < FIRST_YEAR_AFTER_BREAK[place]:
                status += "; before the break"
            if float(row["final_steel_consumption_kt"]) > 0:
                records.append(
                    Record(
                        dimensions=(year, place),
                        value=tonnes(row["final_steel_consumption_kt"]),
                        unit="t/yr",
                        source="pauliuk2013",
                        raw_file=STEEL,
                        raw_rows=(row["raw_row"],),
                        status=status,
                    )
                )
    return Table("steel_consumption.csv", ("year", "region"), records)


def years_on_a_line(rows: list[dict]) -> set[int]:
    """Years whose figure lies between the ends of a straight line of five years or more."""
    figures = {int(row["year"]): Decimal(row["final_steel_consumption_kt"]) for row in rows}
    straight = {
        year
        for year, figure in figures.items()
        if {year - 1, year + 1} <= figures.keys()
        and abs(figures[year - 1] + figures[year + 1] - 2 * figure) <= LINE_TOLERANCE * figure
    }
    found = set()
    for year in straight:
        first = last = year
        while first - 1 in straight:
            first -= 1
        while last + 1 in straight:
            last += 1
        if last - first + 3 >= FEWEST_POINTS_ON_A_LINE:
            found.add(year)
    return found


# ---------------------------------------------------------------- copper, aluminium, nickel


def metal_production_world() -> Table:
    """World production of copper, aluminium and nickel, contained tonnes per year.

    For comparisons per capita over a century. Copper is mined copper from 1900, of the
    historical statistics of the USGS; aluminium is primary metal from 1919 and nickel
    is mined nickel from 1920, both compiled by Lundaev et al.; the last years of all
    three are of the Mineral Commodity Summaries. Their world totals are rounded.

    Lundaev et al. print short tons as tonnes before 1970: their figures are long tons
    times 1.12, which is exact for short tons (a tonne is 1.016). They are converted
    here; the step of ten percent at 1970 goes away. Aluminium of 1913 to 1918 is left
    out: which factor it had cannot be told.
    """
    records = [
        Record(
            dimensions=(int(row["year"]), "Cu"),
            value=float(row["world_mine_production_t"]),
            unit="t/yr",
            source="usgs_ds140_copper",
            raw_file=COPPER,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(COPPER)
    ]
    records += [lundaev_record(row) for row in read_raw(LUNDAEV) if is_taken(row)]
    records += newest_records()
    return Table("metal_production_world.csv", ("year", "material"), records)


def is_taken(row: dict) -> bool:
    """Whether a row of Lundaev et al. is taken: aluminium and nickel whose unit is known."""
    first = {metal: years.start for metal, years in SHORT_TONS.items()}
    return row["metal"] in first and first[row["metal"]] <= int(row["year"]) <= LAST_LUNDAEV_YEAR


def lundaev_record(row: dict) -> Record:
    """World production from a row of Lundaev et al., short tons converted to tonnes."""
    year, metal = int(row["year"]), row["metal"]
    is_short = year in SHORT_TONS[metal]
    factor = TONNES_PER_SHORT_TON if is_short else Decimal(1)
    return Record(
        dimensions=(year, {"Aluminium": "Al", "Nickel": "Ni"}[metal]),
        value=float(Decimal(row["value"]) * factor),
        unit="t/yr",
        source="lundaev2023",
        raw_file=LUNDAEV,
        raw_rows=(row["raw_row"],),
        status="derived" if is_short else "reported",
    )


def newest_records() -> list[Record]:
    """World totals of the Mineral Commodity Summaries, for the years not taken elsewhere."""
    places = read_mapping("places.csv")
    first = {material: year for material, _, year in USGS_METALS.values()}
    wanted = {name: (material, kind) for name, (material, kind, _) in USGS_METALS.items()}
    return [
        usgs_record(row, (int(row["year"]), row["material"]), row["status"])
        for row in usgs_rows(wanted)
        if places.get(row["country"]) == WORLD and int(row["year"]) >= first[row["material"]]
    ]
