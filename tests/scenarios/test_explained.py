"""Numbers of the shipped scenarios end at files, lines and sources."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest

import mfa
from mfa.bibtex import Entry, entries
from mfa.citations import cite
from mfa.saved_results import saved
from mfa.trace_nodes import Node
from mfa.tracing import Trace, Tracer, trace
from mfa.used_sources import sources_used

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "reference"
    return mfa.save(mfa.run(mfa.read_scenario(SCENARIOS / "reference.yaml")), path)


@pytest.fixture(scope="module")
def tracer(folder: Path) -> Tracer:
    return Tracer(folder)


def cells(folder: Path, count: int) -> list[tuple[str, int, dict[str, str]]]:
    """Return flows and stocks with labels and a year, chosen at random where something flows."""
    data = mfa.load(folder)
    chosen, draw = [], random.Random(8)
    names = [n for n, v in data.data_vars.items() if v.attrs.get("kind") in ("flow", "stock")]
    while len(chosen) < count:
        name = str(draw.choice(names))
        own = data[name].sel(year=slice(2000, None))
        there = np.argwhere(own.values > 1.0)
        if len(there):
            place = draw.choice(there.tolist())
            found = {str(d): own[d].values[i] for d, i in zip(own.dims, place, strict=True)}
            year = int(found.pop("year"))
            chosen.append((name, year, {d: str(label) for d, label in found.items()}))
    return chosen


def nodes(node: Node) -> list[Node]:
    return [node, *(own for below in node.below.values() for own in nodes(below))]


def test_ten_cells_chosen_at_random_end_at_a_source(folder: Path, tracer: Tracer) -> None:
    """Each rests on a source with a year and a DOI or URL; what has none is a declared assumption.

    The IEA, the ICCT and the Argonne model have addresses, and no DOI.
    """
    data = mfa.load(folder)
    with_doi = 0
    for name, year, cell in cells(folder, 10):
        found = tracer.trace(name, cell, year=year)
        assert found.value == pytest.approx(float(data[name].sel({**cell, "year": year})), rel=1e-9)
        assert found.origins
        for origin in found.origins:
            assert origin.lines and re.search(r"\.yaml:\d+:\d+", origin.lines[0]), origin
            assert origin.sources or origin.assumptions
            assert all(found.entries[key].address for key in origin.sources if key != "unep2011")
        dated = [key for key in found.sources if found.entries[key].plain("year")]
        assert dated, f"{name} {cell} {year}"
        with_doi += any(found.entries[key].doi for key in dated)
    assert with_doi >= 3


def test_the_terms_of_every_number_add_up(folder: Path, tracer: Tracer) -> None:
    for name, year, cell in cells(folder, 25):
        del cell[next(iter(cell))]  # a sum over one dimension
        for node in nodes(tracer.trace(name, cell, year=year).root):
            if node.made.parts and node.made.adds_up:
                total = sum(part.amount for part in node.made.parts)
                total = max(0.0, total) if node.made.equation.startswith("max(0") else total
                assert total == pytest.approx(node.made.value, rel=1e-8, abs=1e-6), node.spot


def test_what_is_explained_first_is_largest_and_nothing_twice(folder: Path) -> None:
    found: Trace = trace(folder, "supply_to_metal", year=2035, material="Co")
    spots = [node.spot for node in nodes(found.root)]
    assert len(spots) == len(set(spots)) <= 25
    for node in nodes(found.root):
        sizes = [abs(part.amount) for part in node.made.parts]
        assert sizes == sorted(sizes, reverse=True)
    assert {"iea_gevo2025", "batpac52"} <= set(found.sources)
    assert "fabrication_yield[end_use=electric vehicles]" in found.assumptions


def test_sources_of_a_shipped_run_have_an_address_and_a_licence(folder: Path) -> None:
    told = cite(folder)
    for entry, uses in told.sources.values():
        assert uses
        assert entry.address or entry.key == "unep2011"
        assert entry.plain("licence"), entry.key
    used = {use.key for use in sources_used(saved(folder).scenarios[0])}
    assert set(told.sources) == used
    assert not {"maddison2020", "pauliuk2013", "eu2024_1252", "watari2019"} & used
    keys = [entry.key for entry in told.entries()]
    assert len(keys) == len(set(keys))
    dois = [entry.doi for entry in told.entries() if entry.doi]
    assert len(dois) == len(set(dois))


def test_another_system_cites_other_sources() -> None:
    steel = {use.key for use in sources_used(mfa.read_scenario(SCENARIOS / "bulk_reference.yaml"))}
    assert {"maddison2020", "pauliuk2013"} <= steel
    assert not {"iea_gevo2025", "batpac52", "usgs_myb2018"} & steel


def test_every_shipped_source_can_be_found() -> None:
    """The two whose full reference is not known say so, and where their figures are from."""
    text = (SCENARIOS / "data" / "sources.bib").read_text("utf-8")
    found: dict[str, Entry] = entries(text)
    assert len(found) == text.count("\n@")
    without = {key for key, entry in found.items() if not entry.address}
    assert without == {"unep2011"}
    assert all(entry.plain("title") and entry.authors for entry in found.values())
