"""Results as user scenarios of premise: the descriptor and the table of a scenario package.

premise (https://premise.readthedocs.io) couples scenarios to life-cycle inventories.  A package has
``datapackage.json``, ``scenario_data/scenario_data.csv`` and a ``config.yaml``; the last names the
inventories that a variable belongs to, which only the user of premise knows.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import xarray as xr

from mfa.errors import MfaError
from mfa.exchange.attribution import attribution, sources
from mfa.exchange.iamc import to_iamc, wide
from mfa.exchange.packages import DESCRIPTOR, replace_package, slug


def write_premise(result: xr.Dataset, folder: str | Path, model: str, pathway: str) -> Path:
    """Write the two files of a premise user scenario that hold numbers.

    Parameters
    ----------
    result : Dataset
    folder : path
        Made, or replaced if it holds one that this function wrote; inventories and a
        ``config.yaml`` in it are kept.
    model, pathway : str
        The integrated assessment model and pathway that the scenario goes with, as premise names
        them: ``image`` and ``SSP2-Base``.

    Returns
    -------
    Path
        The folder: ``datapackage.json``, whose ``scenarios`` couple each scenario of the result to
        the pathway, and ``scenario_data/scenario_data.csv`` with columns ``model, pathway,
        scenario, region, variables, unit`` and a column for each reporting year; of samples the
        median.

    Raises
    ------
    MfaError
        As :func:`mfa.exchange.to_iamc`, or if the folder cannot be written.
    """
    if not model.strip() or not pathway.strip():
        raise MfaError(
            "premise couples a scenario to a model and a pathway: --couple image=SSP2-Base"
        )
    frame = to_iamc(result)
    if "percentile" in frame:
        frame = frame[frame["percentile"] == 50].drop(columns="percentile")
    table = wide(frame.assign(model=model))
    table.columns = pd.Index([str(name).lower() for name in table.columns])
    table = table.rename(columns={"variable": "variables"})
    table.insert(1, "pathway", pathway)
    names = [str(name) for name in dict.fromkeys(table["scenario"])]
    descriptor = {
        "profile": "data-package",
        "name": slug(f"mfa-{names[0]}"),
        "title": str(result.attrs.get("title", "Result")),
        "description": attribution(result),
        "source": str(result.attrs.get("source", "mfa")),
        "generator": str(result.attrs.get("source", "mfa")),
        "contributors": [{"title": str(result.attrs.get("source", "mfa"))}],
        "version": str(result.attrs.get("mfa_version", "0")),
        "sources": [{"title": one.credit} for one in sources(result)] or [{"title": "none cited"}],
        "scenarios": {name: [{"model": model, "pathway": pathway}] for name in names},
        "keywords": ["mfa", "premise"],
        "resources": [
            {
                "name": "scenario_data",
                "path": "scenario_data/scenario_data.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {
                    "fields": [
                        {"name": str(name), "type": "number" if str(name).isdigit() else "string"}
                        for name in table.columns
                    ],
                    "missingValues": [""],
                },
            }
        ],
    }

    def fill(new: Path) -> None:
        (new / "scenario_data").mkdir()
        table.to_csv(new / "scenario_data/scenario_data.csv", index=False, lineterminator="\n")
        text = json.dumps(descriptor, indent=2, ensure_ascii=False)
        (new / DESCRIPTOR).write_text(f"{text}\n", encoding="utf-8")

    replace_package(Path(folder), fill)
    return Path(folder)
