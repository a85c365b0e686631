"""Electric cars sold and the size of their batteries."""

import math
from collections import defaultdict

from preparing.records import (
    REST_OF_WORLD,
    WORLD,
    Record,
    Table,
    read_mapping,
    read_raw,
    translate,
)

IEA_CARS = "iea_gevo2025_ev_cars_historical_2010_2024.csv"
ICCT_SALES = "icct_ev_sales_scenario_by_country_2015_2050.csv"
KWH_PER_GWH = 1.0e6


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


def powertrain_share() -> Table:
    """Shares of battery-electric and plug-in hybrid cars in the electric cars sold in the world.

    Of the IEA's rows "World", 2010 to 2024; fuel-cell cars are left out as in
    :func:`vehicle_sales`.
    """
    names = {"BEV": "battery electric", "PHEV": "plug-in hybrid"}
    sold = defaultdict(dict)
    for row in read_raw(IEA_CARS):
        if row["parameter"] == "EV sales" and row["region"] == WORLD and row["powertrain"] in names:
            sold[int(row["year"])][row["powertrain"]] = row
    records = [
        Record(
            dimensions=(year, names[powertrain]),
            value=float(row["value"]) / number_sold(list(rows.values())),
            unit="1",
            source="iea_gevo2025",
            raw_file=IEA_CARS,
            raw_rows=tuple(sorted(row["raw_row"] for row in rows.values())),
            status="derived",
        )
        for year, rows in sold.items()
        for powertrain, row in rows.items()
    ]
    return Table("powertrain_share.csv", ("year", "powertrain"), records)


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
