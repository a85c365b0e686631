"""Real input–output tables, read by pymrio, as arrays for the method ``input_output``."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known


def from_pymrio(table: Any, extension: str, stressor: Any) -> xr.Dataset:
    """Return coefficients, material intensity and final demand of a table that pymrio has read.

    Parameters
    ----------
    table : pymrio.IOSystem
        With its coefficients worked out (``table.calc_all()``), of one year.
    extension : str
        Name of the satellite account in which the material stands, e.g. ``"material"``.
    stressor : label of a row of that account
        What is counted, e.g. ``"Domestic Extraction Used - Metal Ores - Nickel ores"``, or a
        tuple where rows have several labels.

    Returns
    -------
    Dataset
        ``technical_coefficients`` (supplier, sector) [1], ``material_intensity`` (sector) [unit of
        the account per unit of output], ``final_demand`` (sector), all consumers together.
        Sectors are labelled "region, sector".

    Raises
    ------
    MfaError
        If there is no such account or row, or the coefficients have not been worked out.

    References
    ----------
    Stadler, K. (2021), Pymrio, Journal of Open Research Software 9, 8, doi:10.5334/jors.251
    (tables: EXIOBASE, WIOD, OECD, Eora and others, ``pip install "mfa[tables]"``).

    Examples
    --------
    >>> import pymrio                                        # doctest: +SKIP
    >>> table = pymrio.load_test().calc_all()                # doctest: +SKIP
    >>> drivers = from_pymrio(table, "emissions", ("emission_type1", "air"))  # doctest: +SKIP
    """
    account = getattr(table, extension, None)
    if account is None or not hasattr(account, "F"):
        names = [name for name in vars(table) if hasattr(getattr(table, name), "F")]
        raise MfaError(f"the table has no account {extension!r}. {known(extension, names)}")
    if table.A is None or account.S is None or table.Y is None:
        raise MfaError("the coefficients are not there yet; call table.calc_all() first")
    if stressor not in account.S.index:
        rows = [str(row) for row in account.S.index]
        raise MfaError(f"{extension} has no row {stressor!r}. {known(stressor, rows, 'rows')}")
    names = [", ".join(map(str, label)) for label in table.A.columns]
    where = {"supplier": names, "sector": names}
    intensity = np.asarray(account.S.loc[stressor], dtype=float).ravel()
    return xr.Dataset(
        {
            "technical_coefficients": (("supplier", "sector"), np.asarray(table.A, dtype=float)),
            "material_intensity": ("sector", intensity),
            "final_demand": ("sector", np.asarray(table.Y.sum(axis=1), dtype=float)),
        },
        coords=where,
    )
