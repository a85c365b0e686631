"""Text with a unit becomes a number in the canonical unit, at the door and nowhere else.

The list of units is closed (``kt`` is a kilotonne here, never a knot).  The
canonical units are t, yr, USD, vehicle, kWh, MJ and person.  Chemical forms
are converted to contained metal by their formula masses, so that
``"10 kt LCE"`` is 1,879 t of lithium.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from mfa.errors import MfaError, known

if TYPE_CHECKING:
    import pint

BASES = ("t", "USD", "vehicle", "kWh", "MJ", "person", "yr")
"""Canonical units, in the order in which they are written in a product."""

DEFINITIONS = """
t = [mass] = _ = tonne
kt = 1e3 * t = _ = kilotonne
Mt = 1e6 * t
Gt = 1e9 * t
Gg = 1e3 * t
Tg = 1e6 * t
kg = 1e-3 * t
g = 1e-6 * t
yr = [time] = _ = year = years = a
day = yr / 365.25 = _ = days
USD = [currency]
vehicle = [vehicle] = _ = vehicles
person = [person] = _ = people = capita
kWh = [electric_energy]
MWh = 1e3 * kWh
GWh = 1e6 * kWh
TWh = 1e9 * kWh
MJ = [heat]
GJ = 1e3 * MJ
TJ = 1e6 * MJ
PJ = 1e9 * MJ
percent = 0.01
ppm = 1e-6
thousand = 1e3
million = 1e6
billion = 1e9
"""

UNITS = tuple(
    name.strip()
    for line in DEFINITIONS.strip().splitlines()
    for position, name in enumerate(line.split("="))
    if position != 1 and name.strip() != "_"
)

ATOMIC_WEIGHTS = {
    "H": 1.008, "Li": 6.94, "C": 12.011, "O": 15.999, "Al": 26.9815385, "S": 32.06, "Cl": 35.45,
    "Mn": 54.938044, "Co": 58.933194, "Ni": 58.6934, "Cu": 63.546, "Nd": 144.242,
}  # fmt: skip
"""Conventional atomic weights, IUPAC 2013 (doi:10.1515/pac-2015-0305)."""

COMPOUNDS = {
    "LCE": ("Li2CO3", "Li"), "Li2CO3": ("Li2CO3", "Li"), "Li2O": ("Li2O", "Li"),
    "LiOH": ("LiOH", "Li"), "LiOH·H2O": ("LiOHH2O", "Li"), "LiOH.H2O": ("LiOHH2O", "Li"),
    "Co3O4": ("Co3O4", "Co"), "CoSO4": ("CoSO4", "Co"), "Co(OH)2": ("CoO2H2", "Co"),
    "NiSO4": ("NiSO4", "Ni"), "NiSO4·6H2O": ("NiSO4H12O6", "Ni"),
    "NiSO4.6H2O": ("NiSO4H12O6", "Ni"), "MnO2": ("MnO2", "Mn"), "Nd2O3": ("Nd2O3", "Nd"),
    "Al2O3": ("Al2O3", "Al"),
}  # fmt: skip
"""Traded forms: formula and the metal that is counted."""

_NUMBER = re.compile(r"\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\d.])\s*(.*)$", re.S)


class Quantity(NamedTuple):
    """A number in its canonical unit, the unit ("" when none was written), the element if named."""

    value: float
    unit: str
    element: str | None


def metal_content(form: str) -> float:
    """Return the mass fraction of the counted metal in a traded form.

    Examples
    --------
    >>> round(metal_content("LCE"), 6)
    0.187852
    >>> round(metal_content("LiOH·H2O"), 6)
    0.165388
    """
    if form in ATOMIC_WEIGHTS:
        return 1.0
    if form not in COMPOUNDS:
        raise MfaError(f"unknown compound {form!r}. {known(form, COMPOUNDS)}")
    formula, metal = COMPOUNDS[form]
    mass = dict.fromkeys(ATOMIC_WEIGHTS, 0.0)
    for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
        mass[symbol] += ATOMIC_WEIGHTS[symbol] * int(count or 1)
    return mass[metal] / sum(mass.values())


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[float]:
    import pint

    registry: pint.UnitRegistry[float] = pint.UnitRegistry(None)
    registry.load_definitions(DEFINITIONS.strip().splitlines())
    return registry


@lru_cache(maxsize=4096)
def canonical(unit: str) -> tuple[float, str]:
    """Return the factor to the canonical unit and that unit's name.

    Raises
    ------
    MfaError
        If a unit is not in the closed list.

    Examples
    --------
    >>> canonical("kt/yr")
    (1000.0, 't/yr')
    >>> canonical("kg/kWh")
    (0.001, 't/kWh')
    >>> canonical("%")
    (0.01, '1')
    """
    factor, name, element = _resolve(unit)
    if element:
        raise MfaError(f"unit {unit!r}: an element belongs to a dimension, not to a unit here")
    return factor, name


@lru_cache(maxsize=4096)
def _resolve(unit: str) -> tuple[float, str, str | None]:
    text, factor, element = unit.strip(), 1.0, None
    for form in sorted({*COMPOUNDS, *ATOMIC_WEIGHTS}, key=len, reverse=True):
        pattern = rf"(?<=[A-Za-z])\s+{re.escape(form)}(?=$|\s|/)"
        if re.search(pattern, text):
            text = re.sub(pattern, "", text)
            element = COMPOUNDS[form][1] if form in COMPOUNDS else form
            factor = metal_content(form)
            break
    text = text.replace("%", "percent")
    if text in ("", "1"):
        return factor, "1", element
    for word in re.findall(r"[^\W\d]\w*", text):
        if word not in UNITS:
            raise MfaError(f"unknown unit {word!r} in {unit!r}. {known(word, UNITS, 'units')}")
    if not re.fullmatch(r"[\w\s*/().^1-9-]+", text) or re.search(r"/\s*/", text):
        raise MfaError(f"{unit!r} is not a unit; write it like 't/yr', 'kg/vehicle' or '%'")
    try:
        quantity = _registry().Quantity(1.0, text).to_base_units()
    except Exception as error:  # pint has no common base for its parsing errors
        raise MfaError(f"{unit!r} is not a unit ({error}); write it like 't/yr'") from error
    powers = {str(name): float(str(power)) for name, power in quantity.unit_items()}
    return factor * float(quantity.magnitude), _write(powers), element


def _write(powers: dict[str, float]) -> str:
    def part(name: str, power: float) -> str:
        return name if power == 1 else f"{name}^{power:g}"

    above = [part(name, powers[name]) for name in BASES if powers.get(name, 0) > 0]
    below = [part(name, -powers[name]) for name in BASES if powers.get(name, 0) < 0]
    return "/".join([" ".join(above) or "1", *below])


@lru_cache(maxsize=65536)
def parse(text: str) -> Quantity:
    """Read a number with its unit.

    Examples
    --------
    >>> parse("11 Mt").value
    11000000.0
    >>> parse("45 %")
    Quantity(value=0.45, unit='1', element=None)
    >>> round(parse("80 kt LCE").value), parse("80 kt LCE").element
    (15028, 'Li')
    """
    match = _NUMBER.match(text)
    if not match:
        raise MfaError(f"{text!r} is not a number with a unit; write it like '11 Mt' or '45 %'")
    if not match[2].strip():
        return Quantity(float(match[1].replace("_", "")), "", None)
    factor, unit, element = _resolve(match[2])
    return Quantity(float(match[1].replace("_", "")) * factor, unit, element)


@lru_cache(maxsize=4096)
def product(*units: str) -> str:
    """Return the canonical unit of a product of quantities.

    >>> product("vehicle/yr", "kWh/vehicle", "t/kWh")
    't/yr'
    """
    return canonical(" * ".join(f"({unit})" for unit in units if unit != "1") or "1")[1]


@lru_cache(maxsize=4096)
def quotient(above: str, below: str) -> str:
    """Return the canonical unit of one quantity over another.

    >>> quotient("t/yr", "person")
    't/person/yr'
    """
    return canonical(f"({above}) / ({below})" if below != "1" else above)[1]
