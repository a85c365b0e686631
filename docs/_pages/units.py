"""The units that files may use, from the list that the reader of units has."""

from __future__ import annotations

from mfa.units import ATOMIC_WEIGHTS, BASES, COMPOUNDS, DEFINITIONS, canonical, metal_content


def pages() -> dict[str, str]:
    """Return the page of units and traded forms."""
    lines = [
        "# Units",
        "",
        "A unit is checked where text becomes a number, and numbers are kept in the canonical",
        f"units {', '.join(f'`{base}`' for base in BASES)}. The list is closed: what is not here is",
        "refused. Units are multiplied and divided (`kg/vehicle`, `t/yr`, `USD/t`); `%` is `percent`.",
        "",
        "## Names",
        "",
        "| unit | also written | is |",
        "|---|---|---|",
    ]
    for line in DEFINITIONS.strip().splitlines():
        name, _, *others = (part.strip() for part in line.split("="))
        also = ", ".join(f"`{other}`" for other in others if other != "_")
        factor, base = canonical(name)
        lines.append(f"| `{name}` | {also} | {factor:g} {base if base != '1' else ''} |")
    lines += [
        "",
        "## Traded forms",
        "",
        "A mass of a traded form becomes contained metal: `80 kt LCE/yr` is lithium. An element",
        f"alone ({', '.join(f'`{symbol}`' for symbol in ATOMIC_WEIGHTS)}) may be written too, and is",
        "checked against the label that it stands beside.",
        "",
        "| form | metal | tonnes of metal in a tonne |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{form}` | {metal} | {metal_content(form):.6f} |"
        for form, (_, metal) in COMPOUNDS.items()
    ]
    lines += ["", "Atomic weights: IUPAC 2013, doi:10.1515/pac-2015-0305.", ""]
    return {"units.md": "\n".join(lines)}
