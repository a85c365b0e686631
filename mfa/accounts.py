"""What has to balance at each process of a plan: its inputs, its outputs and its stock."""

from __future__ import annotations

from functools import lru_cache

from mfa.balances import Account, End
from mfa.plans import Plan
from mfa.steps import Dims
from mfa.system import placement, read_dims


@lru_cache(maxsize=16)
def accounts(compiled: Plan) -> tuple[Account, ...]:
    """Return the account of every process that has inputs, and outputs or a stock."""
    stocks = {process: stock for stock, process in compiled.stocks.items()}
    steps = {step.name: step for step in compiled.steps}
    found = []
    for name in compiled.system.processes:
        ends = {
            f: End(f, read_at(compiled, f, name), placement(compiled.system, flow, name))
            for f, flow in compiled.flows.items()
        }
        inputs = tuple(ends[f] for f, flow in compiled.flows.items() if flow.target == name)
        outputs = tuple(ends[f] for f, flow in compiled.flows.items() if flow.source == name)
        stock = End(stocks[name], steps[name].stock_dims) if name in stocks else None
        if inputs and (outputs or stock):
            found.append(Account(name, inputs, outputs, stock))
    return tuple(found)


def read_at(compiled: Plan, flow: str, process: str) -> Dims:
    """Return the dimensions of a flow as a process at one of its ends reads them."""
    dims, own = compiled.dims[flow], compiled.system.processes[process]
    return dims if compiled.flows[flow].computed_by == process else read_dims(own, dims)
