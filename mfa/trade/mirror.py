"""Two reports of one shipment: what the exporter says and what the importer says."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import chi2 as chi_squared

from mfa.dims import order
from mfa.indicators.quantities import labelled, refuse, require_units

MASSES = ("value", "standard_uncertainty")

BOTH, ONE = 0.10, 0.30
"""Standard uncertainty as a share of a report: where both report, and where only one does."""


def reconcile_mirror(
    exporter: Any,
    importer: Any,
    exporter_uncertainty: Any = None,
    importer_uncertainty: Any = None,
    *,
    cif_fob: Any = 1.0,
    critical: float = 3.84,
) -> xr.Dataset:
    """Return one number for each pair of reports, weighted by how certain each is.

    (e/σ_e² + m/σ_m²) / (1/σ_e² + 1/σ_m²) with m the importer's report over the
    factor of CIF to FOB; χ² = (e − m)² / (σ_e² + σ_m²) with one degree of
    freedom says whether they agree.  Where one side does not report (NaN), the
    other stands.

    Parameters
    ----------
    exporter, importer : numbers or arrays (…) [t/yr]
        The same flow as reported by the two; NaN where not reported.
    exporter_uncertainty, importer_uncertainty : numbers or arrays (…) [t/yr], optional
        Standard uncertainties, above 0.  If left out 10 % of the report, 30 % where the
        other side is silent; of a report of 0, that share of the other's.
    cif_fob : number or array (…) [1]
        1 for mass; for value what insurance and freight add, about 1.05 to 1.10.
    critical : float
        χ² above which a pair is flagged, by default at 95 %.

    Returns
    -------
    Dataset (…): ``value`` and ``standard_uncertainty`` [t/yr], ``chi2`` and ``p_value`` [1] (NaN where
    one side is silent), ``flagged`` (bool), ``reports`` (0, 1 or 2); where nobody reports the
    value is NaN

    Raises
    ------
    MfaError
        If labels or units differ, a report is negative or infinite, an uncertainty is not above 0,
        or the factor is not above 0.

    References
    ----------
    Own definition: inverse-variance weighting, after Guo, Webb, Yamano (2009), Towards Harmonised
    Bilateral Trade Data, OECD (mirror statistics)

    Examples
    --------
    >>> found = reconcile_mirror(100, 120, 10, 5)
    >>> round(float(found.value), 9), round(float(found.standard_uncertainty), 3)
    (116.0, 4.472)
    >>> float(found.chi2), round(float(found.p_value), 3), bool(found.flagged)
    (3.2, 0.074, False)
    """
    given = {"exporter": exporter, "importer": importer, "cif_fob": cif_fob}
    sigmas = {
        name: value
        for name, value in (
            ("exporter_uncertainty", exporter_uncertainty),
            ("importer_uncertainty", importer_uncertainty),
        )
        if value is not None
    }
    data = labelled(**given, **sigmas)
    units = require_units("exporter", "importer", *sigmas, **data)
    for name in ("exporter", "importer"):
        wrong = (data[name] < 0) | (abs(data[name]) == np.inf)
        refuse(wrong, name, data[name], "a report is 0 or more, or NaN if there is none")
    for name in ("cif_fob", *sigmas):
        wrong = ~((data[name] > 0) & (data[name] < np.inf))
        refuse(wrong, name, data[name], "it has to be above 0")
    sent, came = xr.broadcast(data["exporter"], data["importer"] / data["cif_fob"])
    told = sent.notnull(), came.notnull()
    both = told[0] & told[1]
    larger = xr.apply_ufunc(np.fmax, sent, came)
    rule = xr.full_like(sent, ONE).where(~both, BOTH)
    default = tuple(rule * each.where(each > 0, larger) for each in (sent, came))
    factor = data["cif_fob"]
    sd_sent = data.get("exporter_uncertainty", default[0])
    sd_came = (
        data["importer_uncertainty"] / factor if "importer_uncertainty" in data else default[1]
    )
    w_sent, w_came = (
        (1 / sd**2).where(there & (sd > 0), 0.0)
        for sd, there in zip((sd_sent, sd_came), told, strict=True)
    )
    weight = w_sent + w_came
    nothing = (larger == 0) & (weight == 0)  # both say 0, or one does and the other nothing
    value = (sent.fillna(0) * w_sent + came.fillna(0) * w_came) / weight.where(weight > 0)
    value = value.where(~nothing, 0.0)
    error = (1 / weight.where(weight > 0)) ** 0.5
    chi2 = ((sent - came) ** 2 / (sd_sent**2 + sd_came**2)).where(both)
    chi2 = chi2.where(~(both & nothing), 0.0)
    p_value = xr.apply_ufunc(lambda x: chi_squared.sf(x, 1), chi2)
    found = xr.Dataset(
        {
            "value": value,
            "standard_uncertainty": error.where(~nothing, 0.0),
            "chi2": chi2,
            "p_value": p_value,
            "flagged": chi2 > critical,
            "reports": told[0].astype(int) + told[1].astype(int),
        }
    )
    found = found.transpose(*order(found.dims))
    for variable, each in found.data_vars.items():
        each.attrs = {"units": units} if units and variable in MASSES else {}
    return found
