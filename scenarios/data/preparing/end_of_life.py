"""Lifetimes, recovery, recycling rates and what the law asks of them."""

from decimal import Decimal

from preparing.records import Record, Table, read_raw, translate

STEEL_RECOVERY = "steel_eol_recovery_rates_odym.csv"
RATES = "recycling_rate_2020_literature.csv"
TARGETS = "eu_policy_targets.csv"
LIFETIMES = "product_lifetimes.csv"

METALS = {
    "Cobalt": "Co",
    "Copper": "Cu",
    "Dysprosium": "Dy",
    "Lithium": "Li",
    "Neodymium": "Nd",
    "Nickel": "Ni",
    "Praesodymium": "Pr",
    "cobalt": "Co",
    "nickel": "Ni",
    "lithium": "Li",
}
RATE_REFERENCES = {
    "(Månberger & Stenqvist, 2018)": "manberger2018",
    "(Wang et al., 2023)": "wang2023",
    "Assumed like other REE": "bieuville_metals",
}
TARGET_NAMES = {
    "recovery_of_materials": "recovery from waste batteries",
    "recycled_content_minimum": "recycled content of batteries",
    "collection_target_portable": "collection of portable batteries",
    "collection_target_lmt": "collection of light transport batteries",
    "union_extraction_min_share_of_consumption": "extraction in the Union",
    "union_processing_min_share_of_consumption": "processing in the Union",
    "union_recycling_min_share_of_consumption": "recycling in the Union",
    "max_share_from_single_third_country": "most from one third country",
}
ALL_MATERIALS = "all"
ACTS = {
    "Regulation (EU) 2023/1542": "eu2023_1542",
    "Regulation (EU) 2024/1252": "eu2024_1252",
}
STEEL_YEARS = {"BAU": (2007, "2007 value"), "Efficient": (2050, "2050 value")}
LIFETIME_SOURCES = {"ODYM": "odym_lifetimes", "Busch": "busch_chemistry"}


def steel_eol_recovery() -> Table:
    """Share of the steel at the end of life that is recovered as scrap, by end use.

    2007 is observed, 2050 what worldsteel takes to be within reach. The steel of
    products and other uses is an average made by the compiler of containers and
    appliances.
    """
    records = []
    for row in read_raw(STEEL_RECOVERY):
        year, remark = translate(STEEL_YEARS, row["Scenario"])
        if remark not in row["comment"]:
            raise ValueError(f"line {row['raw_row']} is not of {year}: {row['comment']!r}")
        is_average = "average" in row["comment"]
        records.append(
            Record(
                dimensions=(year, row["End_Use_Sectors"]),
                value=float(row["value"]),
                unit="1",
                source="odym_steel_recovery",
                raw_file=STEEL_RECOVERY,
                raw_rows=(row["raw_row"],),
                status="estimated" if is_average or year == 2050 else "reported",
            )
        )
    return Table("steel_eol_recovery.csv", ("year", "end_use"), records)


def recycling_rate_literature() -> Table:
    """Recycling rates of about 2020 from the literature, metal recovered over metal scrapped.

    End-of-life recycling rates of the whole chain, collection included: not the yield
    of a recycling plant. The rate of praseodymium is assumed by the compiler.
    """
    records = [
        Record(
            dimensions=(translate(METALS, row["metal"]),),
            value=float(row["initial_recycling_rate"]),
            unit="1",
            source=translate(RATE_REFERENCES, row["reference"]),
            raw_file=RATES,
            raw_rows=(row["raw_row"],),
            status="estimated" if row["reference"].startswith("Assumed") else "reported",
        )
        for row in read_raw(RATES)
    ]
    return Table("recycling_rate_literature.csv", ("material",), records)


def eu_policy_targets() -> Table:
    """Targets in the law of the European Union, shares, by the year they apply from.

    Recycled content applies from 18 August of its year, every other target from the
    end of it. The transcript holds lithium, cobalt and nickel; the Regulation has
    recovery targets for copper and lead and a recycled content for lead as well.
    """
    records = []
    for row in read_raw(TARGETS):
        target = translate(TARGET_NAMES, row["target"])
        records.append(
            Record(
                dimensions=(
                    int(row["by_date"][:4]),
                    target,
                    METALS.get(row["material"], ALL_MATERIALS),
                ),
                value=float(Decimal(row["percent"]) / 100),
                unit="1",
                source=translate(ACTS, row["act"]),
                raw_file=TARGETS,
                raw_rows=(row["raw_row"],),
            )
        )
    return Table("eu_policy_targets.csv", ("year", "target", "material"), records)


def product_lifetime() -> Table:
    """Lifetimes of products, years: mean and standard deviation of a normal distribution."""
    records = []
    for row in read_raw(LIFETIMES):
        if row["distribution"] != "normal":
            raise ValueError(f"line {row['raw_row']}: unknown distribution")
        source = translate(LIFETIME_SOURCES, row["source"].replace("_", " ").split()[0])
        records.extend(
            Record(
                dimensions=(row["product"], statistic),
                value=float(row[column]),
                unit="yr",
                source=source,
                raw_file=LIFETIMES,
                raw_rows=(row["raw_row"],),
            )
            for statistic, column in (("mean", "mean"), ("standard deviation", "sd"))
        )
    return Table("product_lifetime.csv", ("product", "statistic"), records)
