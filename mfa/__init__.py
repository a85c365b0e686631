"""mfa: dynamic material-flow analysis of critical minerals on labelled arrays.

The public names, in the order a newcomer meets them.  Importing the package
imports nothing heavy: each name is loaded when it is first used.  ``Dataset.mfa``
is registered when xarray is imported, before or after this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mfa.after_xarray import register as _register_accessor

__version__ = "0.1.0"

_HOMES = {
    "read_scenario": "mfa.manifest",
    "read_scenarios": "mfa.manifest",
    "Scenario": "mfa.scenario",
    "run": "mfa.sampling",
    "run_batch": "mfa.runs",
    "save": "mfa.results",
    "load": "mfa.results",
    "quantiles": "mfa.bands",
    "weights": "mfa.calibration",
    "sensitivity": "mfa.sensitivities",
    "convergence": "mfa.sensitivities",
    "compare": "mfa.comparison",
    "differences": "mfa.differences",
    "trace": "mfa.tracing",
    "cite": "mfa.citations",
    "rerun": "mfa.reruns",
    "checklist": "mfa.checklists",
    "decompose": "mfa.contributions",
    "System": "mfa.system",
    "read_system": "mfa.system",
    "plan": "mfa.plans",
    "Plan": "mfa.plans",
    "build_parameters": "mfa.parameters",
    "simulate": "mfa.runs",
    "assess": "mfa.assessment",
    "balance": "mfa.balances",
    "reconcile": "mfa.reconciliation",
    "rule": "mfa.rules",
    "years": "mfa.dims",
    "array": "mfa.dims",
    "MfaError": "mfa.errors",
    "BalanceError": "mfa.errors",
}

_ROOMS = (
    "demand",
    "indicators",
    "lifetime",
    "stocks",
    "trade",
    "networks",
    "reconciliation",
    "availability",
    "plot",
    "exchange",
)

__all__ = [*_HOMES, *_ROOMS, "__version__"]

if TYPE_CHECKING:
    from mfa import (
        availability,
        demand,
        exchange,
        indicators,
        lifetime,
        networks,
        plot,
        reconciliation,
        stocks,
        trade,
    )
    from mfa.assessment import assess
    from mfa.balances import balance
    from mfa.bands import quantiles
    from mfa.calibration import weights
    from mfa.checklists import checklist
    from mfa.citations import cite
    from mfa.comparison import compare
    from mfa.contributions import decompose
    from mfa.differences import differences
    from mfa.dims import array, years
    from mfa.errors import BalanceError, MfaError
    from mfa.manifest import read_scenario, read_scenarios
    from mfa.parameters import build_parameters
    from mfa.plans import Plan, plan
    from mfa.reconciliation import reconcile
    from mfa.reruns import rerun
    from mfa.results import load, save
    from mfa.rules import rule
    from mfa.runs import run_batch, simulate
    from mfa.sampling import run
    from mfa.scenario import Scenario
    from mfa.sensitivities import convergence, sensitivity
    from mfa.system import System, read_system
    from mfa.tracing import trace


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"mfa.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'mfa' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


_register_accessor()
