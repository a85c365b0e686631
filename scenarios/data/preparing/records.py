"""Rows and tables, and how a raw file is read.

This is what every module here builds on.
"""

import csv
import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
RAW = FOLDER / "raw"

WORLD = "World"
REST_OF_WORLD = "Rest of World"
MATERIALS = {
    "Lithium": "Li",
    "Cobalt": "Co",
    "Nickel": "Ni",
    "Graphite": "graphite",
    "Manganese": "Mn",
    "Copper": "Cu",
}


@dataclass(frozen=True)
class Record:
    """One row of a canonical table."""

    dimensions: tuple
    value: float | None
    unit: str
    source: str
    raw_file: str
    raw_rows: tuple[int, ...]
    status: str = "reported"


@dataclass(frozen=True)
class Table:
    """A canonical table: file name, names of the dimension columns, rows."""

    name: str
    dimension_names: tuple[str, ...]
    records: list[Record]


def read_raw(file_name: str) -> list[dict]:
    """Rows of a raw file as dictionaries; the key ``raw_row`` holds the line number."""
    with open(RAW / file_name, encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        return [{**row, "raw_row": reader.line_num} for row in reader]


def read_mapping(file_name: str) -> dict[str, str]:
    """A two-column mapping table of this folder, raw name to canonical name."""
    with open(FOLDER / file_name, encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    mapping = dict(rows)
    if len(mapping) != len(rows):
        raise ValueError(f"{file_name} maps a name twice")
    return mapping


def translate(mapping: dict[str, str], raw_name: str) -> str:
    """The canonical name of ``raw_name``; a name nobody has mapped is an error."""
    if raw_name not in mapping:
        raise ValueError(f"no canonical name for {raw_name!r}: add it to its mapping")
    return mapping[raw_name]


def tonnes(*kilotonnes: str) -> float:
    """The sum of printed kilotonnes in tonnes, in decimals: 66.5071 gives 66507.1."""
    return float(sum(Decimal(text) for text in kilotonnes) * 1000)


def sum_of_printed(amounts: list[Record]) -> float:
    """The sum of the amounts that are not withheld."""
    return math.fsum(record.value for record in amounts if record.value is not None)
