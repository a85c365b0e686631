"""The mapping of our quantities to names of the IAMC format: data, read from ``iamc_names.yaml``."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from mfa.errors import MfaError, known
from mfa.files import read_yaml
from mfa.schema import Model, validate

FILE = Path(__file__).with_name("iamc_names.yaml")

SMALL = ("and", "of", "the", "in", "for", "from")
"""Words that have no capital inside a name."""


class Entry(Model):
    """One template, and the quantity that it names."""

    variable: str
    of: str
    unit: str
    in_: str = Field(default="", alias="in")
    tags: dict[str, str] = Field(default_factory=dict)
    places: Literal["all", "world"] = "all"
    listed: tuple[str, ...] | Literal["all"] = ()
    weight: str = ""
    description: str

    @property
    def measured(self) -> str:
        """The unit in which this package knows it."""
        return self.in_ or self.unit


class Names(Model):
    """The whole mapping."""

    materials: dict[str, str]
    groups: dict[str, tuple[str, ...]]
    regions: tuple[str, ...]
    dialects: dict[str, tuple[Entry, ...]]
    own: tuple[Entry, ...]

    def material(self, label: str) -> str:
        """Return the name of a material, in English and without a symbol."""
        return self.materials.get(label, capitalised(label))

    def metal(self, label: str) -> str:
        """Return the name of a material below that of its group."""
        name = self.material(label)
        group = next((g for g, members in self.groups.items() if name in members), "")
        return f"{group}|{name}" if group else name

    def region(self, label: str, model: str) -> str:
        """Return the name of a region: as it is listed, or one native to the model."""
        return label if label in self.regions else f"{model}|{label}"

    def entries(self, dialect: str) -> list[tuple[Entry, str]]:
        """Return the templates of a dialect, then our own, and which of them each belongs to.

        Raises
        ------
        MfaError
            If there is no such dialect.
        """
        if dialect not in self.dialects:
            raise MfaError(f"no dialect {dialect!r}. {known(dialect, self.dialects, 'dialects')}")
        return [
            *((entry, dialect) for entry in self.dialects[dialect]),
            *((entry, "") for entry in self.own),
        ]

    def status(self, entry: Entry, dialect: str, label: str) -> str:
        """Say whether a name is listed by its dialect, fills its template, or is ours."""
        if not dialect:
            return "own: no official name"
        if entry.listed == "all":
            return f"template of {dialect}"
        if self.material(label) in entry.listed:
            return f"listed in {dialect}"
        return f"pattern of {dialect}, not listed for this material"


def capitalised(label: str) -> str:
    """Return a label with the capitals of a name.

    >>> capitalised("networks and machines"), capitalised("NMC811")
    ('Networks and Machines', 'NMC811')
    """
    words = re.sub(r"[_|]", " ", label).split()
    return " ".join(w if w in SMALL and i else w[:1].upper() + w[1:] for i, w in enumerate(words))


@lru_cache(maxsize=1)
def names() -> Names:
    """Return the mapping that the package ships."""
    return validate(Names, read_yaml(FILE))
