"""Governance, shares in production, trade of the United States, and published scores of risk."""

import math
import re
from collections import defaultdict
from decimal import Decimal

from preparing.mining import USGS_MCS, usgs_status
from preparing.records import (
    MATERIALS,
    WORLD,
    Record,
    Table,
    read_mapping,
    read_raw,
    translate,
)

WGI = "wgi_2000_2023.csv"
SALIENT = "usgs_mcs_salient_us_2017_2025.csv"
IMPORT_SOURCES = "usgs_mcs2026_us_import_sources_2021_2024.csv"
USGS_SCORES = "usgs_supply_risk_scores_2015_2018_part.csv"
EU_SCORES = "eu_criticality_scores_2023.csv"

GOVERNANCE = ("cc", "ge", "pv", "rl", "rq", "va")
POLITICAL_STABILITY = "pv"

COMMODITIES = {
    "antimony": ("Antimony", "mine production"),
    "barite": ("Barite", "mine production"),
    "beryllium": ("Beryllium", "mine production"),
    "bismuth": ("Bismuth", "refinery production"),
    "cadmium": ("Cadmium", "refinery production"),
    "cobalt": ("Cobalt", "mine production"),
    "copper": ("Copper", "mine production"),
    "fluorspar": ("Fluorspar", "mine production"),
    "gallium": ("Gallium", "primary production"),
    "graphite": ("Graphite", "mine production"),
    "helium": ("Helium", "production"),
    "lead": ("Lead", "mine production"),
    "molybdenum": ("Molybdenum", "mine production"),
    "palladium": ("Platinum-Group Metals", "palladium"),
    "phosphate rock": ("Phosphate Rock", "mine production"),
    "selenium": ("Selenium", "refinery production"),
    "strontium": ("Strontium", "mine production"),
    "tungsten": ("Tungsten", "mine production"),
    "vanadium": ("Vanadium", "mine production"),
    "zinc": ("Zinc", "mine production"),
}
"""Chapters of the Mineral Commodity Summaries, and a word of the kind of production."""

OTHER_CHAPTERS = {"palladium": ("palladium",), "graphite": ("graphite (natural)",)}

RELIANCE_ITEMS = {
    "lead": "metal",
    "palladium": "palladium",
    "platinum": "platinum",
    "zinc": "refined",
}
"""Which of several net import reliances is meant."""

RELIANCE = {
    **{label: chapter for label, (chapter, _) in COMMODITIES.items()},
    "germanium": "Germanium",
    "lithium": "Lithium",
    "manganese": "Manganese",
    "nickel": "Nickel",
    "platinum": "Platinum-Group Metals",
}

FLOWS = {
    "Co": {
        "imports": ("Imports_t", "Imports for consumption"),
        "exports": ("Exports_t", "Exports"),
        "secondary": ("USprod_Secondary_t", "Production: Secondary"),
        "apparent consumption": ("Consump_Apparent_t", "Consumption (includes secondary): Apparent"),
        "stocks": (
            "Stocks_Industry_t", "Stocks_LME_t",
            "Stocks, yearend: Industry", "Stocks, yearend: LME, U.S. warehouse",
        ),
    },
    "Cu": {
        "imports": ("Imports_Refined_kt", "Imports for consumption: Refined"),
        "exports": ("Exports_Refined_kt", "Exports: Refined"),
        "primary": ("USprod_Refinery-primary_kt", "Production, Refinery: Primary (from ore)"),
        "secondary": (
            "Recycled_Post-consumer_kt", "USprod_Post-consumer_kt",
            "Copper recovered from old (post-consumer) scrap",
        ),
        "apparent consumption": (
            "Consump_Apparent_kt",
            "Consumption: Apparent, primary refined copper and copper from old scrap",
        ),
        "stocks": (
            "Stocks_kt",
            "Stocks, refined, held by U.S. producers, consumers, and metal exchanges, yearend",
        ),
    },
    "Li": {
        "imports": ("Imports_t", "Imports for consumption"),
        "exports": ("Exports_t", "Exports"),
        "primary": ("USprod_t", "Production"),
        "apparent consumption": ("Consump_t", "Consumption, apparent"),
    },
    "Ni": {
        "imports": ("Imports_Primary_t", "Imports: Primary"),
        "exports": ("Exports_Primary_t", "Exports: Primary"),
        "secondary": (
            "Consump_Reported_Secondary_t", "Consumption: Reported, secondary, purchased scrap",
        ),
        "apparent consumption": ("Consump_Apparent_Total_t", "Consumption: Apparent, total"),
    },
    "graphite": {
        "imports": ("Imports_t", "Imports for consumption"),
        "exports": ("Exports_t", "Exports"),
        "primary": ("USprod_t", "Production, mine"),
        "apparent consumption": ("Consump_t", "Consumption, apparent"),
    },
}  # fmt: skip
"""Flows of the United States by the names they have in the editions."""

IMPORTED_FORMS = {
    "Co": "Metal, oxide, and salts",
    "Cu": "Refined copper",
    "Li": "All",
    "Mn": "Manganese contained in principal manganese imports",
    "Ni": "Primary nickel",
    "graphite": "All",
}

EU_SCORE_NAMES = {
    "supply_risk": "supply risk",
    "economic_importance": "economic importance",
}


def governance() -> Table:
    """Estimates of governance by country, about -2.5 (bad) to 2.5 (good).

    The mean of the six Worldwide Governance Indicators where a country has all six,
    and political stability by itself. Countries that no other raw file names are left
    out. There is no 2001.
    """
    places = read_mapping("places.csv")
    named = set(places.values())
    found: dict[tuple, dict[str, dict]] = defaultdict(dict)
    for row in read_raw(WGI):
        place = places.get(row["countryname"], row["countryname"])
        if place in named:
            found[int(row["year"]), place][row["indicator"]] = row
    records = []
    for (year, place), rows in found.items():
        if set(rows) == set(GOVERNANCE):
            total = sum(Decimal(rows[name]["estimate"]) for name in GOVERNANCE)
            lines = tuple(sorted(rows[name]["raw_row"] for name in GOVERNANCE))
            dimensions = (year, "mean of six", place)
            records.append(
                Record(dimensions, float(total / 6), "1", "worldbank_wgi", WGI, lines, "derived")
            )
        if POLITICAL_STABILITY in rows:
            row = rows[POLITICAL_STABILITY]
            dimensions = (year, "political stability", place)
            value, line = float(row["estimate"]), (row["raw_row"],)
            records.append(Record(dimensions, value, "1", "worldbank_wgi", WGI, line))
    return Table("governance.csv", ("year", "indicator", "country"), records)


def production_share() -> Table:
    """Shares of the countries in production, for the commodities with a published score.

    Of the sum of the rows of the highest edition that has the year; other countries are
    one row, withheld figures are empty and count in no sum. Two rows of one country,
    such as the helium of the United States, are added up. Bismuth, cadmium and selenium
    are refined, gallium is primary, all others are mined. There is no germanium, whose
    countries are withheld, and there are no single rare earths.
    """
    places = read_mapping("places.csv")
    members: dict[tuple, dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for row in latest(read_raw(USGS_MCS), commodity_of):
        place = translate(places, row["country"].replace("\xa0", " "))
        if place != WORLD:
            members[int(row["year"]), row["commodity_label"]][place].append(row)
    records = []
    for (year, commodity), by_place in members.items():
        amounts = {
            place: [float(row["value"]) for row in rows if row["value"]]
            for place, rows in by_place.items()
        }
        total = math.fsum(amount for own in amounts.values() for amount in own)
        for place, rows in by_place.items():
            withheld = all(row["value_raw"] == "W" for row in rows)
            guessed = any(usgs_status(row) == "estimated" for row in rows)
            records.append(
                Record(
                    dimensions=(year, commodity, place),
                    value=None if withheld else math.fsum(amounts[place]) / total,
                    unit="1",
                    source=f"usgs_mcs{rows[0]['mcs_edition']}",
                    raw_file=USGS_MCS,
                    raw_rows=tuple(row["raw_row"] for row in rows),
                    status="withheld" if withheld else "estimated" if guessed else "derived",
                )
            )
    return Table("production_share.csv", ("year", "commodity", "country"), records)


def commodity_of(row: dict) -> str:
    """The label of a row of production, empty if it is none of those that are wanted."""
    kind = row["type"].lower()
    if row["statistic"] != "production" or "anode slimes" in kind or "rounded" in kind:
        return ""
    chapter = row["commodity"].lower()
    for label, (wanted, word) in COMMODITIES.items():
        if chapter in (wanted.lower(), *OTHER_CHAPTERS.get(label, ())) and word in kind:
            return label
    return ""


def latest(rows: list[dict], label_of) -> list[dict]:
    """The rows that have a label, of the highest edition of each label and year."""
    labelled = [{**row, "commodity_label": label_of(row)} for row in rows]
    labelled = [row for row in labelled if row["commodity_label"]]
    edition: dict[tuple, int] = defaultdict(int)
    for row in labelled:
        key = (row["commodity_label"], row["year"])
        edition[key] = max(edition[key], int(row["mcs_edition"]))
    return [
        row
        for row in labelled
        if int(row["mcs_edition"]) == edition[row["commodity_label"], row["year"]]
    ]


def us_import_reliance() -> Table:
    """Net import reliance of the United States, a share of apparent consumption.

    A net exporter, printed as E, has 0; bounds are kept as bounds. Lead and zinc are
    those of the metal.
    """
    records = []
    for row in latest(read_raw(SALIENT), reliance_of):
        value, remark = printed_share(row["value_raw"])
        if value is None:
            continue
        status = salient_status(row) + remark
        dimensions = (int(row["year"]), row["commodity_label"])
        records.append(salient_record(row, dimensions, value, "1", status, [row]))
    return Table("us_import_reliance.csv", ("year", "commodity"), records)


def reliance_of(row: dict) -> str:
    """The label of a row of net import reliance, empty if it is none of those wanted."""
    item = row["item"].lower()
    if not (item.startswith("nir_") or item.startswith("net import reliance")):
        return ""
    chapter = row["commodity"].lower()
    for label, wanted in RELIANCE.items():
        if chapter in (wanted.lower(), label, *OTHER_CHAPTERS.get(label, ())):
            word = RELIANCE_ITEMS.get(label, "")
            if word in item:
                return label
    return ""


def printed_share(text: str) -> tuple[float | None, str]:
    """The share that a printed percentage says, and what has to be remarked."""
    text = text.strip().rstrip("%")
    if text == "E":
        return 0.0, "; net exporter"
    match = re.fullmatch(r"([<>]?)(\d+)", text)
    if not match:
        return None, ""
    remark = {"": "", ">": "; lower bound", "<": "; upper bound"}[match[1]]
    return float(Decimal(match[2]) / 100), remark


def us_supply() -> Table:
    """Supply of the United States: trade, production and stocks, contained tonnes.

    As its apparent consumption is defined: cobalt and refined copper with stocks at the
    end of the year, primary nickel with reported secondary consumption, natural
    graphite, lithium, whose production is withheld and whose consumption is printed
    with one digit or withheld. Cobalt that is mined leaves as concentrate and is not in
    it. Manganese is left out: its trade is in gross weights of ores and alloys.
    """
    materials = {name.lower(): material for name, material in MATERIALS.items()}

    def material_of(row: dict) -> str:
        material = materials.get(row["commodity"].lower().split(" ")[0], "")
        flows = FLOWS.get(material, {})
        return material if any(row["item"] in items for items in flows.values()) else ""

    members: dict[tuple, list[dict]] = defaultdict(list)
    for row in latest(read_raw(SALIENT), material_of):
        material = row["commodity_label"]
        for flow, items in FLOWS[material].items():
            if row["item"] in items:
                members[int(row["year"]), material, flow].append(row)
    records = []
    for dimensions, rows in members.items():
        withheld = any(row["value_raw"] == "W" for row in rows)
        value = None if withheld else float(sum(salient_tonnes(row) for row in rows))
        unit = "t" if dimensions[2] == "stocks" else "t/yr"
        status = "withheld" if withheld else salient_status(rows[0])
        if len(rows) > 1 and not withheld:
            status = "derived"
        records.append(salient_record(rows[0], dimensions, value, unit, status, rows))
    return Table("us_supply.csv", ("year", "material", "flow"), records)


def salient_tonnes(row: dict) -> Decimal:
    """Tonnes of a row; the unit stands in its own column or at the end of the name."""
    text = row["value_raw"].replace(",", "")
    amount = Decimal(0) if text == "—" else Decimal(text)
    thousands = row["unit"] == "thousand metric tons" or row["item"].endswith("_kt")
    if not thousands and row["unit"] != "metric tons" and not row["item"].endswith("_t"):
        raise ValueError(f"unknown unit in line {row['raw_row']}")
    return amount * 1000 if thousands else amount


def salient_status(row: dict) -> str:
    """Estimated if it says so or is of the edition's newest year, else reported."""
    newest = int(row["year"]) == int(row["mcs_edition"]) - 1
    return "estimated" if newest or "estimated" in row["notes"].lower() else "reported"


def salient_record(row, dimensions, value, unit, status, rows) -> Record:
    """A record of the salient statistics."""
    lines = tuple(each["raw_row"] for each in rows)
    return Record(dimensions, value, unit, f"usgs_mcs{row['mcs_edition']}", SALIENT, lines, status)


def us_import_source() -> Table:
    """Where the imports of the United States come from, shares, mean of 2021 to 2024.

    One form of each material; other countries are one row. A share printed as less than
    1 % is an upper bound.
    """
    places = read_mapping("places.csv")
    materials = {name.lower(): material for name, material in MATERIALS.items()}
    records = []
    for row in read_raw(IMPORT_SOURCES):
        material = materials.get(row["commodity"].lower().split(" ")[0], "")
        if not material or row["form"] != IMPORTED_FORMS[material]:
            continue
        value, remark = printed_share(row["value_raw"])
        dimensions = (material, translate(places, row["country"]))
        lines = (row["raw_row"],)
        records.append(
            Record(
                dimensions, value, "1", "usgs_mcs2026", IMPORT_SOURCES, lines, "reported" + remark
            )
        )
    return Table("us_import_source.csv", ("material", "country"), records)


def us_supply_risk() -> Table:
    """Supply risk as the U.S. Geological Survey published it, mean of 2015 to 2018: 27 of 54."""
    records = [
        Record(
            dimensions=(row["commodity"].removesuffix(" (natural)"),),
            value=float(row["supply_risk_score"]),
            unit="1",
            source="nassar_fortier2021",
            raw_file=USGS_SCORES,
            raw_rows=(row["raw_row"],),
        )
        for row in read_raw(USGS_SCORES)
    ]
    return Table("us_supply_risk.csv", ("commodity",), records)


def eu_criticality() -> Table:
    """Supply risk and economic importance of the assessment of the EU of 2023."""
    records = [
        Record(
            (row["material"], name),
            float(row[column]),
            "1",
            "eu_crm2023",
            EU_SCORES,
            (row["raw_row"],),
        )
        for row in read_raw(EU_SCORES)
        for column, name in EU_SCORE_NAMES.items()
    ]
    return Table("eu_criticality.csv", ("commodity", "score"), records)
