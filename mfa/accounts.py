"""What has to balance at each process of a plan: its inputs, its outputs and its stock."""

from __future__ import annotations

from functools import lru_cache

from mfa.balances import Account, End
from mfa.plans import Plan
from mfa.system import placement


@lru_cache(maxsize=16)
def accounts(compiled: Plan) -> tuple[Account, ...]:
    """Return the account of every process that has inputs, and outputs or a stock."""
    stocks = {process: stock for stock, process in compiled.stocks.items()}
    steps = {step.name: step for step in compiled.steps}
    found = []
    for name in compiled.system.processes:
        ends = {
            f: End(f, compiled.dims[f], placement(compiled.system, flow, name))
            for f, flow in compiled.flows.items()
        }
        inputs = tuple(ends[f] for f, flow in compiled.flows.items() if flow.target == name)
        outputs = tuple(ends[f] for f, flow in compiled.flows.items() if flow.source == name)
        stock = End(stocks[name], steps[name].stock_dims) if name in stocks else None
        if inputs and (outputs or stock):
            found.append(Account(name, inputs, outputs, stock))
    return tuple(found)
