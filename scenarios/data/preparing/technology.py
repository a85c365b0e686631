"""What an electric car holds beside its six battery minerals, and where each mineral is."""

from collections import defaultdict
from decimal import Decimal

from preparing.batteries import BATPAC, TECHNOLOGIES
from preparing.records import MATERIALS, Record, Table, read_raw, translate

MOTORS = "ev_motor_metal_intensity_g_per_vehicle.csv"
BODIES = "vehicle_body_metal_intensity_g_per_vehicle.csv"

MOTOR_TYPES = {
    "PM_Cu": "permanent magnet, copper",
    "Ind_Cu": "induction, copper",
    "PM_Al": "permanent magnet, aluminium",
    "Ind_Al": "induction, aluminium",
}
POWERTRAINS = {
    "ICEV": "combustion engine",
    "PHEV": "plug-in hybrid",
    "BEV": "battery electric",
}
CAR_MATERIALS = {
    "Aluminum": "Al",
    "Chromium": "Cr",
    "Copper": "Cu",
    "Dysprosium": "Dy",
    "Iron": "Fe",
    "Lead": "Pb",
    "Neodymium": "Nd",
    "Praesodymium": "Pr",
    "Zinc": "Zn",
}
BATTERY_MATERIALS = {
    **MATERIALS,
    "Aluminum": "Al",
    "Steel": "steel",
    "Stainless steel": "stainless steel",
}
REFERENCES = {
    "(Ayat et al., 2017)": "ayat2017",
    "(Månberger & Stenqvist, 2018)": "manberger2018",
    "(Watari et al., 2018)": "watari2018",
    "(Watari et al., 2019)": "watari2019",
}
NO_FIGURE = {("ICEV", "Chromium")}
"""Printed as 0, which cannot be: an exhaust of stainless steel holds chromium."""


def kilograms(grams: str) -> float:
    """Printed grams in kilograms, in decimals."""
    return float(Decimal(grams) / 1000)


def motor_content() -> Table:
    """Metal in the traction motor of a car, kg per vehicle, by type of motor.

    The names of the types are read from the headings: PM or Ind, with windings of Cu or
    of Al. The columns PM and Ind repeat PM_Cu and Ind_Cu and are dropped. Praseodymium
    (1 g beside 695 g of neodymium) is far below its usual quarter: it is probably
    inside the neodymium. Iron and electrical steel are not given.
    """
    records = [
        Record(
            dimensions=(motor, translate(CAR_MATERIALS, row["Metal"])),
            value=kilograms(row[column]),
            unit="kg/vehicle",
            source=translate(REFERENCES, row["Ref"]),
            raw_file=MOTORS,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(MOTORS)
        for column, motor in MOTOR_TYPES.items()
    ]
    return Table("motor_content.csv", ("motor", "material"), records)


def body_content() -> Table:
    """Metal in the car without its battery, kg per vehicle, by powertrain.

    Whether the motor is inside cannot be told from the file: adding both may count the
    aluminium of the motor twice (4 to 10 kg of 127). Iron is one figure for all three.
    """
    records = [
        Record(
            dimensions=(powertrain, translate(CAR_MATERIALS, row["Metal"])),
            value=kilograms(row[column]),
            unit="kg/vehicle",
            source=translate(REFERENCES, row["Ref1"]),
            raw_file=BODIES,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(BODIES)
        for column, powertrain in POWERTRAINS.items()
        if (column, row["Metal"]) not in NO_FIGURE
    ]
    return Table("body_content.csv", ("powertrain", "material"), records)


def battery_content_all() -> Table:
    """All materials of a battery, kg per kWh: ``battery_content`` with Al and steels."""
    records = []
    for row in read_raw(BATPAC):
        if row["source"] == "BatPaC 5.2" and row["anode"] == "Graphite":
            technology = translate(TECHNOLOGIES, row["chemistry"])
            records.append(
                Record(
                    dimensions=(technology, translate(BATTERY_MATERIALS, row["mineral"])),
                    value=float(row["kg_per_kwh"]),
                    unit="kg/kWh",
                    source="batpac52",
                    raw_file=BATPAC,
                    raw_rows=(row["raw_row"],),
                )
            )
    return Table("battery_content_all.csv", ("technology", "material"), records)


def nev_minerals(parts: dict[str, Table]) -> Table:
    """Which part of an electric car holds which material: 1 for every pair there is.

    ``parts`` are the tables of content by the name of the part. A material counts if at
    least one type of the part holds some; ``raw_row`` names all that do.
    """
    records = []
    for part, table in parts.items():
        holders = defaultdict(list)
        for record in table.records:
            kind, material = record.dimensions
            if record.value and kind != "combustion engine":
                holders[material].append(record)
        records.extend(
            Record(
                dimensions=(material, part),
                value=1.0,
                unit="1",
                source=found[0].source,
                raw_file=found[0].raw_file,
                raw_rows=tuple(sorted({line for record in found for line in record.raw_rows})),
                status="derived",
            )
            for material, found in holders.items()
        )
    return Table("nev_minerals.csv", ("material", "part"), records)
