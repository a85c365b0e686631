"""netCDF files: the quick way and the general way hold the same."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import netcdf
from mfa.stored_parts import some

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def result() -> xr.Dataset:
    return mfa.run(mfa.read_scenario(SCENARIOS / "bulk_reference.yaml"))


def read(content: bytes) -> xr.Dataset:
    return xr.load_dataset(BytesIO(content), engine="h5netcdf")


def in_general(data: xr.Dataset) -> bytes:
    target = BytesIO()
    netcdf._write_any(data, target)
    return target.getvalue()


def test_a_result_is_written_the_quick_way_and_holds_the_same(result: xr.Dataset) -> None:
    assert netcdf._is_plain(result)
    quick, general = read(netcdf.to_bytes(result)), read(in_general(result))
    assert quick.identical(general)
    assert quick.identical(result)
    for name in result.variables:
        quick_one, general_one = quick[name].encoding, general[name].encoding
        for key in ("zlib", "shuffle", "complevel", "chunksizes", "_FillValue", "dtype"):
            assert str(quick_one.get(key)) == str(general_one.get(key)), (name, key)
        assert [*quick[name].attrs] == [*result[name].attrs]


def test_the_same_result_gives_the_same_file(result: xr.Dataset) -> None:
    assert netcdf.to_bytes(result) == netcdf.to_bytes(result.copy(deep=True))


@pytest.mark.parametrize(
    "own",
    [
        xr.DataArray([True, False], dims="flag"),
        xr.DataArray(np.arange(3.0), dims="bare"),
        xr.DataArray(["a", "ö"], {"kind": ["x", "y"]}, "kind"),
        xr.DataArray([1.0], {"lap": [0.5]}, "lap"),
        xr.DataArray([1.0], {"lap": [1], "aside": ("lap", [2.0])}, "lap"),
        xr.DataArray(1, attrs={"list": [1, 2]}),
    ],
)
def test_a_variable_of_another_kind_is_written_the_general_way(
    own: xr.DataArray, result: xr.Dataset
) -> None:
    whole = result.assign(own=own)
    assert not netcdf._is_plain(whole)
    assert read(netcdf.to_bytes(whole)).equals(whole)


def test_a_plain_variable_of_ones_own_is_kept(result: xr.Dataset) -> None:
    own = result.assign(
        mean=result[next(iter(result.data_vars))].mean(), small=("year", np.float32(result.year))
    )
    own["small"].attrs = {"number": 3, "share": 0.5, "text": "ä\n"}
    assert netcdf._is_plain(own)
    again = read(netcdf.to_bytes(own))
    assert again.identical(own)
    assert again["small"].dtype == np.float32


def test_a_large_array_is_packed_in_parts_that_fit_in_memory() -> None:
    def chunks(*shape: int) -> tuple[int, ...]:
        dims = [f"dim{axis}" for axis in range(len(shape))]
        return netcdf._chunks(xr.Variable(dims, np.broadcast_to(0.0, shape)))

    assert chunks(138, 4, 19, 6) == (138, 4, 19, 6)
    assert chunks(1000, 151, 600) == (23, 151, 600)  # 23 · 151 · 600 · 8 bytes are below 16 MiB
    assert chunks(16, 10_000, 151, 600) == (1, 23, 151, 600)
    assert chunks(3, 3_000_000) == (1, 2**21)


def test_a_file_has_units_of_udunits_and_a_result_its_own(tmp_path: Path) -> None:
    made = mfa.run(mfa.read_scenario(SCENARIOS / "vehicle_reference.yaml"))
    folder = mfa.save(made, tmp_path / "result")
    assert made.vehicle_sales.attrs["units"] == "vehicle/yr"
    stored = xr.load_dataset(folder / "result.nc", engine="h5netcdf")
    found = {name: stored[name].attrs["units"] for name in ("vehicle_sales", "battery_content")}
    assert found == {"vehicle_sales": "yr-1", "battery_content": "t kW-1 h-1"}
    assert stored.vehicle_sales.attrs["units_counted"] == "vehicle/yr"
    again = mfa.load(folder)
    for name in made.data_vars:
        assert again[name].identical(made[name]), name


def test_parts_of_a_result_have_its_own_units_too(tmp_path: Path) -> None:
    made = mfa.run(mfa.read_scenario(SCENARIOS / "vehicle_reference.yaml"))
    folder = mfa.save(made, tmp_path / "result")
    assert some(folder, names=("vehicle_sales",)).vehicle_sales.attrs == made.vehicle_sales.attrs
