"""Gross domestic product and people: what demand is driven by.

Three price bases that may be joined by ratio, but never added or compared:

    gdp_per_capita.csv            international dollars of 2011 (purchasing power)
    gdp_2015usd.csv and           US dollars of 2015 at market rates
      gdp_per_capita_2015usd.csv
    gdp_ssp2.csv                  not stated in the file; see gdp_ssp2
"""

import math
from collections import defaultdict
from decimal import Decimal

from preparing.records import WORLD, Record, Table, read_mapping, read_raw, translate

MADDISON = "maddison2020_gdp_population_by_country_1850_2018.csv"
UN_COUNTRIES = "population_by_country_1950_2100_gapminder_un.csv"
UN_WORLD = "un_wpp2022_world_population_1950_2100.csv"
WORLD_BANK = "worldbank_gdp_constant2015usd_by_country_1960_2022.csv"
IMAGE = "image_ssp2_gdp_pop_26regions_1970_2050.csv"

COUNTRIES = (
    "Argentina",
    "Brazil",
    "Canada",
    "Denmark",
    "Ethiopia",
    "France",
    "Greece",
    "Hungary",
    "Indonesia",
)
FIRST_MADDISON_YEAR = 1900


def maddison_rows(column: str) -> list[tuple[tuple[int, str], dict]]:
    """Rows of Maddison that have a figure in ``column``, with their year and region.

    From 1900, the nine countries and the world. The regions of Maddison and all other
    countries are dropped.
    """
    places = read_mapping("places.csv")
    rows = []
    for row in read_raw(MADDISON):
        if row["entity"] not in (*COUNTRIES, WORLD) or not row[column]:
            continue
        if int(row["year"]) >= FIRST_MADDISON_YEAR:
            rows.append(((int(row["year"]), translate(places, row["entity"])), row))
    return rows


def gdp_per_capita() -> Table:
    """GDP per capita, international dollars of 2011, from 1900 to 2018.

    A year that Maddison does not report has no row: the world has one every ten or
    twenty years to 2010, and no 1910 and 1930; Ethiopia begins in 1950; Hungary and
    Indonesia lack the years of the second world war, Hungary also most before 1924.
    """
    records = [
        Record(
            dimensions=dimensions,
            value=float(row["gdp_per_capita_2011intusd"]),
            unit="USD/person",
            source="maddison2020",
            raw_file=MADDISON,
            raw_rows=(row["raw_row"],),
        )
        for dimensions, row in maddison_rows("gdp_per_capita_2011intusd")
    ]
    return Table("gdp_per_capita.csv", ("year", "region"), records)


def population_history() -> Table:
    """People from 1900 to 2018, of the same source and countries as ``gdp_per_capita``."""
    records = [
        Record(
            dimensions=dimensions,
            value=float(row["population"]),
            unit="person",
            source="maddison2020",
            raw_file=MADDISON,
            raw_rows=(row["raw_row"],),
        )
        for dimensions, row in maddison_rows("population")
    ]
    return Table("population_history.csv", ("year", "region"), records)


def population() -> Table:
    """People from 1950 to 2100, medium variant.

    The nine countries are of the revision of 2017 and in the middle of the year, the
    world is of the revision of 2022 and on 1 January.
    """
    places = read_mapping("places.csv")
    records = [
        Record(
            dimensions=(int(row["year"]), translate(places, row["entity"])),
            value=float(row["population"]),
            unit="person",
            source="un_wpp2017",
            raw_file=UN_COUNTRIES,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(UN_COUNTRIES)
        if row["entity"] in COUNTRIES
    ]
    records += [
        Record(
            dimensions=(int(row["year"]), WORLD),
            value=float(Decimal(row["population_thousand"]) * 1000),
            unit="person",
            source="un_wpp2022",
            raw_file=UN_WORLD,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(UN_WORLD)
    ]
    return Table("population.csv", ("year", "region"), records)


def gdp_2015usd() -> Table:
    """GDP in US dollars of 2015 at market rates, 1960 to 2022.

    Canada and Ethiopia begin in 1981, Hungary in 1991.
    """
    places = read_mapping("places.csv")
    records = [
        Record(
            dimensions=(int(row["year"]), translate(places, row["country"])),
            value=float(row["gdp_constant2015usd"]),
            unit="USD/yr",
            source="worldbank_wdi",
            raw_file=WORLD_BANK,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(WORLD_BANK)
        if row["country"] in (*COUNTRIES, WORLD)
    ]
    return Table("gdp_2015usd.csv", ("year", "region"), records)


def world_gdp_per_capita_2015usd(gdp: Table, people: Table) -> Table:
    """World GDP per capita, US dollars of 2015: every year from 1960 to 2022.

    GDP of the World Bank over the people of the United Nations in the middle of the
    year: the mean of its 1 January and the next. The world of Maddison is too sparse
    for a year by year comparison; this is the series for it.
    """
    people_of = {record.dimensions: record for record in people.records}
    records = []
    for record in gdp.records:
        year, place = record.dimensions
        if place == WORLD:
            start, end = people_of[year, WORLD], people_of[year + 1, WORLD]
            records.append(
                Record(
                    dimensions=(year,),
                    value=record.value / ((start.value + end.value) / 2),
                    unit="USD/person",
                    source=f"{record.source}; un_wpp2022",
                    raw_file=record.raw_file,
                    raw_rows=record.raw_rows,
                    status="derived",
                )
            )
    return Table("world_gdp_per_capita_2015usd.csv", ("year",), records)


def gdp_ssp2() -> Table:
    """GDP per capita in the scenario SSP2 of IMAGE, 26 regions and the world.

    Yearly from 1970 to 2010, then every five years to 2050. The file does not state the
    price year. The collector read it as US dollars of 2005; the level says purchasing
    power: the world of 2005 has 57 trillion, which at market rates would be 47. Use
    ratios of this table, not levels.

    The world is the mean weighted with the people of ``population_ssp2``.
    """
    regions = read_mapping("image_regions.csv")
    records = []
    of_year = defaultdict(list)
    for row in read_raw(IMAGE):
        of_year[int(row["year"])].append(row)
        region = translate(regions, row["image_region"])
        records.append(image_record((int(row["year"]), region), float(row["gdp_per_capita"]), row))
    for year, rows in of_year.items():
        people = math.fsum(float(row["population_million"]) for row in rows)
        total = math.fsum(
            float(row["gdp_per_capita"]) * float(row["population_million"]) for row in rows
        )
        records.append(image_record((year, WORLD), total / people, *rows))
    return Table("gdp_ssp2.csv", ("year", "image_region"), records)


def population_ssp2() -> Table:
    """People in the scenario SSP2 of IMAGE: regions and years of ``gdp_ssp2``."""
    regions = read_mapping("image_regions.csv")
    records = []
    of_year = defaultdict(list)
    for row in read_raw(IMAGE):
        of_year[int(row["year"])].append(row)
        people = persons(row["population_million"])
        region = translate(regions, row["image_region"])
        records.append(image_record((int(row["year"]), region), people, row, unit="person"))
    for year, rows in of_year.items():
        people = persons(*(row["population_million"] for row in rows))
        records.append(image_record((year, WORLD), people, *rows, unit="person"))
    return Table("population_ssp2.csv", ("year", "image_region"), records)


def persons(*millions: str) -> float:
    """The sum of printed millions in persons, in decimals."""
    return float(sum(Decimal(text) for text in millions) * 1_000_000)


def image_record(
    dimensions: tuple[int, str], value: float, *rows: dict, unit: str = "USD/person"
) -> Record:
    """A record of SSP2: as printed if it rests on one row, derived if on several."""
    return Record(
        dimensions=dimensions,
        value=value,
        unit=unit,
        source="image_ssp2",
        raw_file=IMAGE,
        raw_rows=tuple(row["raw_row"] for row in rows),
        status="reported" if len(rows) == 1 else "derived",
    )
