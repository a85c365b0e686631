"""Results: what is saved, what it says about itself, and that it can be made again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import folders, manifest, plot, results
from mfa.errors import MfaError

SCENARIOS = Path(__file__).parents[2] / "scenarios"

SYSTEM = """\
title: Cans
conserves: material
dimensions:
  region: [NA, "NO"]
  material: [Sn, Al]
parameters:
  sales: {dims: [year, region], unit: vehicle/yr, is: cans sold}
  content: {dims: [material], unit: kg/vehicle, default: {Sn: 2 kg/vehicle, Al: 1 kg/vehicle}}
  life: {unit: yr, is: mean service life, default: 4 yr}
  collected: {dims: [year, region], unit: "1", max: 1, default: 40 %}
processes:
  mine: {rule: source}
  metal: {rule: market, from: [recycle, mine], surplus_to: pile}
  use: {rule: stock, from: metal, to: recycle, inflow: sales, content: content,
        lifetime: {law: weibull, mean: life, shape: 2}}
  recycle: {rule: split, shares: {metal: collected, pile: rest}}
  pile: {rule: sink}
"""

TINY = """\
title: Tiny
about: A few cans.
system: systems/cans.yaml
years: [2000, 2012]
report_from: 2002
set:
  sales: {table: data/sales.csv, before: hold, after: hold, between: interpolate}
  collected: {"NO": {2000: 10 %, 2010: 90 %}}
  life: {value: 5 yr, triangular: [4 yr, 7 yr], reason: a guess}
"""

SALES = """\
year,region,value,unit
2003,NA,1000,vehicle/yr
2010,NA,3000.5,vehicle/yr
2003,NO,10,vehicle/yr
2010,NO,20,vehicle/yr
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes the tiny scenario, or another beside it."""

    def written(text: str = TINY, name: str = "tiny", sales: str = SALES) -> Path:
        folder = tmp_path / "scenarios"
        for sub in ("systems", "data"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        (folder / "systems" / "cans.yaml").write_text(SYSTEM, "utf-8")
        (folder / "data" / "sales.csv").write_text(sales, "utf-8")
        path = folder / f"{name}.yaml"
        path.write_text(text, "utf-8")
        return path

    return written


@pytest.fixture
def tiny(write: Write) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(write()))


def fingerprint(path: Path) -> str:
    return manifest.fingerprint(mfa.read_scenario(path))


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ------------------------------------------------------------ files, attributes


def test_a_folder_of_results(tiny: xr.Dataset, tmp_path: Path) -> None:
    folder = mfa.save(tiny, tmp_path / "deep" / "tiny")
    assert folder == tmp_path / "deep" / "tiny"
    assert sorted(everything(folder)) == [
        "figures/flows_Al.png",
        "figures/flows_Sn.png",
        "figures/stocks_Al.png",
        "figures/stocks_Sn.png",
        "manifest.yaml",
        "result.nc",
        "summary.csv",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    for path in (folder / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("shipped", [False, True], ids=["tiny", "reference"])
def test_the_netcdf_file_says_what_it_holds(
    shipped: bool, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot, "write", lambda result, folder: [])
    scenario = mfa.read_scenario(SCENARIOS / "reference.yaml" if shipped else write())
    folder = mfa.save(mfa.run(scenario), tmp_path / "out")
    with xr.open_dataset(folder / "result.nc") as opened:
        data = opened.load()
    processes = scenario.system.processes
    kinds = set()
    for name, variable in data.data_vars.items():
        kinds.add(variable.attrs["kind"])
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name
        if variable.attrs["kind"] == "flow":
            source, target = variable.attrs["source"], variable.attrs["target"]
            assert name == f"{source}_to_{target}"
            assert {source, target} <= processes.keys()
        unlimited = "unlimited" in variable.attrs.get("comment", "")
        known = ~np.isnan(variable) if unlimited else np.isfinite(variable)
        assert variable.attrs["kind"] == "indicator" or known.all(), name
    assert kinds == {"flow", "stock", "parameter"} | ({"indicator"} if shipped else set())
    for coordinate in data.coords.values():
        assert coordinate.attrs["long_name"]
    attrs = data.attrs
    assert attrs["Conventions"].startswith("CF-")
    assert attrs["title"] == scenario.title
    assert attrs["source"] == f"mfa {mfa.__version__}"
    assert attrs["history"][:2] == "20"
    assert attrs["references"]
    assert attrs["scenario_sha256"] == manifest.fingerprint(scenario)
    assert len(attrs["inputs_sha256"]) == 64
    assert attrs["inflow_convention"] == "spread"
    assert 0 <= attrs["balance_residual"] < 1e-9
    made = json.loads(attrs["provenance"])
    assert {"mfa", "numpy", "xarray"} <= made["packages"].keys()
    assert str(tmp_path) not in json.dumps(made)
    assert str(tmp_path) not in (folder / "manifest.yaml").read_text("utf-8")


def test_the_hash_of_the_inputs_is_that_of_all_files(write: Write) -> None:
    one = mfa.run(mfa.read_scenario(write())).attrs
    two = mfa.run(mfa.read_scenario(write(sales=SALES.replace("3000.5", "3000")))).attrs
    assert one["inputs_sha256"] != two["inputs_sha256"]
    assert one["scenario_sha256"] != two["scenario_sha256"]


def test_the_summary_holds_world_totals_of_the_reported_years(
    tiny: xr.Dataset, tmp_path: Path
) -> None:
    folder = mfa.save(tiny, tmp_path / "tiny")
    head, *lines = (folder / "summary.csv").read_text("utf-8").splitlines()
    assert head == "scenario,quantity,material,year,value,unit"
    rows = {tuple(line.split(",")[1:4]): line.split(",")[4:] for line in lines}
    assert {int(year) for _, _, year in rows} == {2002, 2005, 2010, 2012}
    value, unit = rows["metal_to_use", "Sn", "2010"]
    assert (float(value), unit) == (pytest.approx(3020.5 * 2e-3), "t/yr")
    assert rows["use_stock", "Al", "2012"][1] == "t"


def test_what_is_loaded_equals_what_was_saved(tiny: xr.Dataset, tmp_path: Path) -> None:
    folder = mfa.save(tiny, tmp_path / "tiny")
    for loaded in (mfa.load(folder), mfa.load(folder / "result.nc"), mfa.load(str(folder))):
        xr.testing.assert_identical(loaded, tiny)
        assert {k: v.dtype for k, v in loaded.variables.items()} == {
            k: v.dtype for k, v in tiny.variables.items()
        }
    again = mfa.save(mfa.load(folder), tmp_path / "again")
    xr.testing.assert_identical(mfa.load(again), tiny)
    (folder / "manifest.yaml").unlink()
    bare = mfa.load(folder)
    assert "scenario" not in bare.encoding
    xr.testing.assert_equal(bare, tiny)
    with pytest.raises(MfaError, match="does not say which scenario made it"):
        mfa.save(bare, tmp_path / "bare")


def test_a_batch_of_scenarios(write: Write, tmp_path: Path) -> None:
    one = mfa.read_scenario(write())
    other = mfa.read_scenario(
        write("title: Other\ninherits: tiny\nset: {life: {scale: 2}}\n", "other")
    )
    batch = mfa.run_batch([one, other])
    folder = mfa.save(batch, tmp_path / "batch")
    xr.testing.assert_identical(mfa.load(folder), batch)
    assert (folder / "figures" / "flows_Sn_other.png").exists()
    again = mfa.run_batch(manifest.read_manifest(folder / "manifest.yaml"))
    xr.testing.assert_equal(again, batch)
    assert batch.attrs["scenario_sha256"] == again.attrs["scenario_sha256"]


@pytest.mark.parametrize("what", ["nothing", "a text", "cut off"])
def test_loading_what_is_no_result(what: str, tiny: xr.Dataset, tmp_path: Path) -> None:
    folder = mfa.save(tiny, tmp_path / "tiny")
    file = folder / "result.nc"
    if what == "nothing":
        with pytest.raises(MfaError, match='Did you mean "tiny"'):
            mfa.load(tmp_path / "tny")
        return
    file.write_bytes(b"a text" if what == "a text" else file.read_bytes()[:2000])
    with pytest.raises(MfaError, match="cannot be read as netCDF") as caught:
        mfa.load(folder)
    assert str(file) in str(caught.value)


# ------------------------------------------------------------- all or nothing


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (results, "_write_netcdf"),
        (results, "_write_summary"),
        (manifest, "to_yaml"),
        (plot, "write"),
        (folders, "swap"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_crash_while_saving_leaves_the_old_result_whole(
    owner: object, name: str, tiny: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the power is out")

    folder = mfa.save(tiny, tmp_path / "out" / "tiny")
    before = everything(tmp_path)
    monkeypatch.setattr(owner, name, crash)
    with pytest.raises(RuntimeError, match="power"):
        mfa.save(tiny, folder)
    with pytest.raises(RuntimeError, match="power"):
        mfa.save(tiny, tmp_path / "out" / "new")
    assert everything(tmp_path) == before
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_a_rename_that_fails_puts_the_old_result_back(
    tiny: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mfa.save(tiny, tmp_path / "tiny")
    (folder / "notes.txt").write_text("mine", "utf-8")
    before, rename = everything(tmp_path), Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("the disk is full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(MfaError, match="tiny cannot be written: the disk is full; choose"):
        mfa.save(tiny, folder)
    assert everything(tmp_path) == before


def test_saving_keeps_the_files_of_others(tiny: xr.Dataset, tmp_path: Path) -> None:
    folder = mfa.save(tiny, tmp_path / "tiny")
    (folder / "notes.txt").write_text("mine", "utf-8")
    (folder / "figures" / "for_paper.png").write_text("my figure", "utf-8")
    (folder / "figures" / "drafts").mkdir()
    (folder / "figures" / "drafts" / "one.txt").write_text("a draft", "utf-8")
    mfa.save(tiny, folder)
    assert (folder / "notes.txt").read_text("utf-8") == "mine"
    assert (folder / "figures" / "for_paper.png").read_text("utf-8") == "my figure"
    assert (folder / "figures" / "drafts" / "one.txt").read_text("utf-8") == "a draft"
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").touch()
    with pytest.raises(MfaError, match=r"holds other files \(cat.jpg, …\) and no result"):
        mfa.save(tiny, other)
    with pytest.raises(MfaError, match="is a file"):
        mfa.save(tiny, folder / "notes.txt")


# ------------------------------------------------------------------- manifest


def test_a_manifest_alone_runs_again_bit_for_bit(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot, "write", lambda result, folder: [])
    path = write()
    first = mfa.run(mfa.read_scenario(path).set("content=3 kg/vehicle"))
    folder = mfa.save(first, tmp_path / "out" / "tiny")
    alone = tmp_path / "alone" / "manifest.yaml"
    alone.parent.mkdir()
    shutil.copy(folder / "manifest.yaml", alone)
    shutil.rmtree(path.parent)
    shutil.rmtree(folder)
    (scenario,) = manifest.read_manifest(alone)
    again = mfa.run(scenario)
    xr.testing.assert_equal(again, first)
    for name in first.variables:
        assert again[name].values.tobytes() == first[name].values.tobytes(), name
    for key in ("scenario_sha256", "inputs_sha256", "scenario_name", "report_from", "title"):
        assert again.attrs[key] == first.attrs[key], key
    text = alone.read_text("utf-8")
    mfa.save(again, tmp_path / "out" / "tiny")
    second = (tmp_path / "out" / "tiny" / "manifest.yaml").read_text("utf-8")
    assert second.partition("scenarios:")[2] == text.partition("scenarios:")[2]


def test_a_manifest_whose_table_was_changed(tiny: xr.Dataset, tmp_path: Path) -> None:
    file = mfa.save(tiny, tmp_path / "tiny") / "manifest.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("3000.5", "3000.6"), "utf-8")
    with pytest.raises(MfaError, match=r"manifest.yaml:\d+:\d+: the table 'data/sales.csv' is not"):
        manifest.read_manifest(file)
    file.write_text(text.replace("manifest: 1", "manifest: 2"), "utf-8")
    with pytest.raises(MfaError, match=r"manifest.yaml:1:\d+: 'manifest: 1' is wanted, this is 2"):
        manifest.read_manifest(file)


def test_the_hash_counts_values_only(write: Write) -> None:
    first = fingerprint(write())
    commented = "# a note\n" + TINY.replace("life:", "# another\n  life:")
    assert fingerprint(write(commented, "other_name")) == first
    head, _, body = TINY.partition("set:\n")
    lines = body.splitlines(keepends=True)
    reversed_keys = "set:\n" + "".join(lines[::-1]) + "".join(head.splitlines(True)[::-1])
    assert fingerprint(write(reversed_keys)) == first
    assert fingerprint(write(TINY.replace("title: Tiny", "title: Huge"))) == first
    assert fingerprint(write("title: Child\ninherits: tiny\n", "child")) == first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 5 yr", "value: 6 yr"),
        ("2010: 90 %", "2010: 91 %"),
        ("2010: 90 %", "2011: 90 %"),
        ("[2000, 2012]", "[2000, 2013]"),
        ("before: hold", "before: 0"),
        ("[4 yr, 7 yr]", "[4 yr, 8 yr]"),
    ],
)
def test_the_hash_depends_on_every_value(old: str, new: str, write: Write) -> None:
    first = fingerprint(write())
    assert old in TINY
    assert fingerprint(write(TINY.replace(old, new))) != first


def test_the_hash_depends_on_the_system(write: Write) -> None:
    path = write()
    first = fingerprint(path)
    system = path.parent / "systems" / "cans.yaml"
    system.write_text(SYSTEM.replace("is: cans sold", "is: tins sold"), "utf-8")
    assert fingerprint(path) == first
    system.write_text(SYSTEM.replace("shape: 2}", "shape: 2.5}"), "utf-8")
    assert fingerprint(path) != first


@pytest.mark.parametrize(
    "text",
    ["", "\n", "a", "a\n", "a\n\n", " a: b\n- c", "# x\n\ty\n", "é\n", "a\r\nb\r\n", "\x85 \ufeff"],
)
def test_any_text_of_a_table_comes_back_as_it_was(text: str, tmp_path: Path) -> None:
    from mfa.files import parse_yaml

    content = {"scenarios": [], "tables": {"a b.csv": {"sha256": "0", "text": text}}, "files": {}}
    root = parse_yaml(manifest.to_yaml(content), "manifest.yaml")
    assert root["tables"]["a b.csv"]["text"] == text


# -------------------------------------------------------------------- compare


def test_compare_puts_results_side_by_side(write: Write, tiny: xr.Dataset, tmp_path: Path) -> None:
    other = mfa.run(mfa.read_scenario(write()).set("content={scale: 2}"))
    table = mfa.compare({"once": tiny, "twice": mfa.save(other, tmp_path / "twice")})
    assert list(table.columns) == ["once", "twice"]
    assert table.index.names == ["quantity", "material", "year"]
    assert table.attrs["units"] == "t/yr"
    np.testing.assert_allclose(table["twice"], 2 * table["once"])
    assert set(table.index.get_level_values("quantity")) == {
        "metal: demand",
        "metal: primary",
        "metal: secondary",
    }
    by_sum = table["once"].unstack("quantity")
    np.testing.assert_allclose(
        by_sum["metal: demand"], by_sum["metal: primary"] + by_sum["metal: secondary"]
    )
    same = mfa.compare([tiny, other, tiny], flow="use_to_recycle")
    assert list(same.columns) == ["tiny", "tiny (2)", "tiny (3)"]
    with pytest.raises(MfaError, match='Did you mean "use_to_recycle"'):
        mfa.compare([tiny], flow="use_to_recycl")


# ------------------------------------------- where nothing can be written


def test_a_figure_of_the_last_run_that_is_not_drawn_again_goes(
    tiny: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mfa.save(tiny, tmp_path / "tiny")
    pages = [*plot._pages(tiny)]
    monkeypatch.setattr(plot, "_pages", lambda result: pages[:1])
    mfa.save(tiny, folder)
    assert [path.name for path in (folder / "figures").iterdir()] == ["flows_Sn.png"]


def test_targets_that_cannot_be_written(tiny: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a file", "utf-8")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    before = everything(tmp_path)
    for target, message in {
        tmp_path / "f" / "sub": "f is a file; give the name of a folder",
        tmp_path / "gone": "gone is a link to .*nowhere, which is not there; make that folder",
        tmp_path / "gone" / "sub": "gone is a link to",
        tmp_path / ("long" * 100): "cannot be written: File name too long; choose another place",
    }.items():
        for function in (folders.check_target, lambda path: mfa.save(tiny, path)):
            with pytest.raises(MfaError, match=message):
                function(target)
    assert everything(tmp_path) == before


def test_a_place_without_the_right_to_write(
    tiny: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    for target in (tmp_path / "tiny", tmp_path / "deep" / "tiny"):
        with pytest.raises(MfaError, match=f"cannot be written: no right to write in {tmp_path}; "):
            folders.check_target(target)


def test_a_link_to_a_folder_stays_a_link(tiny: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "tiny").symlink_to(tmp_path / "disk")
    for _ in range(2):
        mfa.save(tiny, tmp_path / "tiny")
    assert (tmp_path / "tiny").is_symlink()
    assert (tmp_path / "disk" / "result.nc").is_file()


@pytest.mark.parametrize("name", ["_write_netcdf", "_write_summary"])
def test_a_full_disk_is_one_message_and_leaves_nothing(
    name: str, tiny: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(results, name, full)
    with pytest.raises(
        MfaError, match="tiny cannot be written: No space left on device; make room"
    ):
        mfa.save(tiny, tmp_path / "out" / "tiny")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_the_netcdf_library_never_meets_a_full_disk(tiny: xr.Dataset) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        results._write_netcdf(tiny, Path("/dev/full"))


def test_what_a_killed_run_left_is_cleared_by_the_next(tiny: xr.Dataset, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    dead, prefix = int(done.stdout), folders._prefix(tmp_path / "tiny")
    left, alive, other = (
        tmp_path / name
        for name in (f"{prefix}{dead}-abc", f"{prefix}{os.getppid()}-abc", ".tiny-notes")
    )
    for folder in (left, alive, other):
        folder.mkdir()
    (left / "old").mkdir()
    (left / "old" / "thesis.docx").write_text("mine", "utf-8")
    mfa.save(tiny, tmp_path / "tiny")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["scenarios", "tiny", alive.name, other.name]
    )
    assert (tmp_path / "tiny" / "thesis.docx").read_text("utf-8") == "mine"


# -------------------------------------------------- only what a run computed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.assign(mine_to_metal=r.mine_to_metal * 2), "mine_to_metal edited"),
        (lambda r: r.map(lambda v: v * 2, keep_attrs=True), "edited, or a selection"),
        (lambda r: r.assign(life=r.life + 1), "life edited"),
        (lambda r: r.sel(material="Sn"), "edited, or a selection"),
        (lambda r: r.isel(year=slice(5, None)), "edited, or a selection"),
        (lambda r: r.assign_coords(region=["A", "B"]), "edited, or a selection"),
        (lambda r: r.drop_vars("use_stock"), "use_stock missing"),
        (lambda r: r.drop_attrs(), "attribute 'checksums' is missing"),
        (lambda r: None, "save wants a result, .*; this is None"),
    ],
)
def test_numbers_that_no_run_made_are_not_certified(
    change: Callable[[xr.Dataset], xr.Dataset], message: str, tiny: xr.Dataset, tmp_path: Path
) -> None:
    with pytest.raises(MfaError, match=message):
        mfa.save(change(tiny), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_order_of_dims_and_variables_of_ones_own_do_not_matter(
    tiny: xr.Dataset, tmp_path: Path
) -> None:
    own = tiny.transpose(..., "year").assign(
        share=tiny.recycle_to_metal / tiny.use_to_recycle.max()
    )
    folder = mfa.save(own, tmp_path / "tiny")
    xr.testing.assert_equal(mfa.load(folder).share, own.share)
    assert ",share," not in (folder / "summary.csv").read_text("utf-8")


def test_a_result_can_be_printed(write: Write) -> None:
    one = mfa.read_scenario(write())
    batch = mfa.run_batch(scenario for scenario in [one, one.override(title="Two", life="6 yr")])
    assert batch.scenario.values.tolist() == ["tiny", "two"]
    assert len(repr(batch.attrs)) < 5000
    assert len(batch._repr_html_()) < len(batch.drop_attrs(deep=False)._repr_html_()) + 10_000


def test_a_file_names_its_sources_and_inputs(write: Write, tmp_path: Path) -> None:
    path = write(TINY.replace("reason: a guess", "source: can2020; hearsay"))
    (path.parent / "data" / "sources.bib").write_text(
        "@article{can2020,\n  author = {Tin, A. and Can, B.},\n  title = {Cans of {NO}},\n"
        "  journal = {Tins},\n  volume = {3},\n  year = {2020},\n  doi = {10.1/can}\n}\n"
        "@misc{other,\n  title = {Not cited}\n}\n",
        "utf-8",
    )
    wanted = "Tin, A.; Can, B. (2020): Cans of NO. Tins 3. https://doi.org/10.1/can\nhearsay"
    folder = mfa.save(mfa.run(mfa.read_scenario(path)), tmp_path / "tiny")
    with xr.open_dataset(folder / "result.nc") as opened:
        attrs = opened.attrs
    assert attrs["references"] == wanted
    assert "institution" not in attrs
    digest = hashlib.sha256(SALES.encode()).hexdigest()
    assert f"{digest}  scenarios/data/sales.csv" in attrs["inputs"].splitlines()
    shutil.rmtree(path.parent)
    again = mfa.run(mfa.read_scenario(folder / "manifest.yaml"))
    assert again.attrs["references"] == wanted


# ---------------------------------------------------- balances, wrong arguments


def test_the_balance_of_a_part_of_the_years(tiny: xr.Dataset) -> None:
    for years in (slice(5, 10), [3], slice(0, 4)):
        part = mfa.balance(tiny.isel(year=years))
        assert part.attrs["balance_residual"] < 1e-9
        assert part.use.isel(year=0).isnull().all() == (years != slice(0, 4))
        assert part.use.isel(year=slice(1, None)).notnull().all()
        assert part.metal.notnull().all()
    late = tiny.isel(year=slice(5, 10))
    wrong = late.assign(use_stock=late.use_stock * 2)
    assert mfa.balance(wrong).attrs["balance_residual"] > 1e-3
    with pytest.raises(MfaError, match="years are missing between"):
        mfa.balance(tiny.isel(year=[0, 2]))
    with pytest.raises(MfaError, match="no dimension 'year'"):
        mfa.balance(tiny.isel(year=0))
    with pytest.raises(MfaError, match="of the flows of the run, mine_to_metal is missing"):
        mfa.balance(tiny.drop_vars("mine_to_metal"))
    with pytest.raises(MfaError, match="of the stocks of the run, use_stock is missing"):
        mfa.balance(tiny.drop_vars("use_stock"))


def test_arguments_that_are_something_else(write: Write, tiny: xr.Dataset) -> None:
    scenario = mfa.read_scenario(write())
    parameters = mfa.build_parameters(scenario)
    stamped = parameters.copy()
    stamped["sales"] = parameters.sales.assign_attrs(units="t/yr")
    calls: dict[str, Callable[[], object]] = {
        r"run\(mfa.read_scenario\('a.yaml'\)\)": lambda: mfa.run("a.yaml"),  # type: ignore[arg-type]
        "run wants a Scenario, this is None": lambda: mfa.run(None),  # type: ignore[arg-type]
        "run_batch takes several": lambda: mfa.run([scenario]),  # type: ignore[arg-type]
        "a list of scenarios, this is a Scenario": lambda: mfa.run_batch(scenario),  # type: ignore[arg-type]
        "a list of scenarios, this is the text": lambda: mfa.run_batch("ab"),  # type: ignore[arg-type]
        "wants scenarios, this is the text 'a'": lambda: mfa.run_batch(["a"]),  # type: ignore[list-item]
        "load wants the path of a folder": lambda: mfa.load(None),  # type: ignore[arg-type]
        "balance wants the Dataset of a run": lambda: mfa.balance(None),  # type: ignore[arg-type]
        r"several results.*: mfa.compare\(\[": lambda: mfa.compare(tiny),  # type: ignore[arg-type]
        "no result to compare": lambda: mfa.compare([]),
        "several results, this is the text": lambda: mfa.compare("results"),
        "mfa.run takes a scenario": lambda: mfa.simulate(scenario, parameters),  # type: ignore[arg-type]
        "the Dataset of mfa.build_parameters": lambda: mfa.simulate(scenario.system, None),  # type: ignore[arg-type]
        "sales: its attribute 'units' is 't/yr', wanted is 'vehicle/yr'": lambda: mfa.simulate(
            scenario.system, stamped
        ),
        "has no processes, so there is nothing to run": lambda: mfa.simulate(
            mfa.System(title="Empty", processes={}), parameters
        ),
    }
    for message, function in calls.items():
        with pytest.raises(MfaError, match=message):
            function()
