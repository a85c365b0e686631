"""Consumption and its division among end uses."""

from preparing.records import MATERIALS, WORLD, Record, Table, read_raw, translate

END_USES = "end_use_shares_li_co_ni.csv"
YEAR_OF_NICKEL_END_USES = 2018

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
