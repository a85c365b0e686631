"""In random systems the terms that a number is explained by add up to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import Case, cases

import mfa
from mfa.errors import MfaError
from mfa.execution import execute
from mfa.runs import prepare
from mfa.trace_numbers import Numbers
from mfa.trace_origins import Origin
from mfa.trace_steps import made


class Bare(Numbers):
    """Numbers of a system without a scenario: nothing says where parameters come from."""

    @property
    def first(self) -> int:
        return int(self.parameters["year"].values[0])

    def origin(self, name: str, cell: Any, year: int) -> Iterator[Origin]:
        return iter(())


@settings(max_examples=60)
@given(cases(), st.randoms(use_true_random=False))
def test_terms_add_up(case: Case, random: Any) -> None:
    try:
        compiled, parameters = mfa.plan(case.system()), case.dataset()
        bound, years = prepare(compiled, parameters)
        values = execute(compiled, bound, years)
    except MfaError:
        return
    run = Bare(None, compiled, values, bound, parameters)  # type: ignore[arg-type]
    labels = compiled.system.dimensions
    for name in (*compiled.flows, *compiled.stocks):
        cell = {d: random.choice(labels[d]) for d in run.dims(name) if random.random() < 0.8}
        year = random.choice(list(years))
        found = made(run, name, cell, year)
        assert found.value == pytest.approx(run.value(name, cell, year), rel=1e-12)
        if found.parts:
            total = sum(part.amount for part in found.parts)
            total = max(0.0, total) if found.equation.startswith("max(0") else total
            scale = max(abs(part.amount) for part in found.parts)
            assert abs(total - found.value) <= 1e-8 * max(scale, abs(found.value)) + 1e-9, name
