"""Labels belong at the boundary: the executed plan works on bare arrays only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import mfa
from mfa import runs

REPOSITORY = Path(__file__).parents[2]
SYSTEMS = REPOSITORY / "tests" / "conformance" / "systems"
WATCHED = {
    xr.Dataset: ["__init__", "_binary_op", "_unary_op", "_inplace_binary_op", "__getitem__"],
    xr.DataArray: ["__init__", "_binary_op", "_unary_op", "_inplace_binary_op", "reduce"],
    xr.Variable: ["__init__", "_binary_op", "_unary_op", "_inplace_binary_op", "reduce"],
}


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what xarray does."""
    counted: Counter[str] = Counter()

    def counting(label: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            counted[label] += 1
            return original(*args, **kwargs)

        return method

    for kind, names in WATCHED.items():
        for name in names:
            label = f"{kind.__name__}.{name}"
            monkeypatch.setattr(kind, name, counting(label, getattr(kind, name)))
    return counted


def test_what_xarray_does_is_counted(count: Counter[str]) -> None:
    data = xr.DataArray([1.0, 2.0], dims="year")
    (data * data).sum()
    -data  # noqa: B018
    xr.Dataset({"a": data})["a"]
    assert {"DataArray.__init__", "DataArray._binary_op", "DataArray._unary_op"} <= count.keys()
    assert {"Variable.reduce", "Variable.__init__", "Dataset.__init__"} <= count.keys()


@pytest.mark.parametrize(
    "path",
    [
        REPOSITORY / "scenarios" / "reference.yaml",
        SYSTEMS / "closed_loop_stock" / "case_b.yaml",
        SYSTEMS / "loop_two_processes" / "reference.yaml",
    ],
    ids=lambda path: path.parent.name,
)
def test_no_xarray_operation_inside_the_executed_plan(
    path: Path, count: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = mfa.read_scenario(path)
    during: list[Counter[str]] = []
    supplied = runs.supplied

    def watched(*args: Any, **kwargs: Any) -> Any:
        before = count.copy()
        values = supplied(*args, **kwargs)
        during.append(count - before)
        return values

    monkeypatch.setattr(runs, "supplied", watched)
    mfa.simulate(mfa.plan(scenario), mfa.build_parameters(scenario))
    assert during == [Counter()]
    assert count, "labels are put on outside"
