"""The interactive report: results as one HTML page that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from mfa.comparison import results_among
from mfa.errors import MfaError, shortly
from mfa.files import replacing
from mfa.report.collecting import collect
from mfa.report.pages import page, require_packages


def report(
    folders: Sequence[str | Path], file: str | Path, *, modules: Sequence[str] = ()
) -> tuple[Path, list[str], list[str]]:
    """Write results as one HTML page that opens offline.

    Parameters
    ----------
    folders : sequence of path
        Of results; what lies beside them and is no result is left out.
    file : path
        Ends in ``.html``; replaced if it is there.
    modules : sequence of str
        Files or modules with rules of the user, that systems of the results name.

    Returns
    -------
    Path, list of str, list of str
        The file, the names of the scenarios in it, and the paths that were left out.

    Raises
    ------
    MfaError
        If there is nothing to report, a result cannot be read, the file has another ending or
        cannot be written, or plotly or jinja2 are missing.
    """
    if isinstance(folders, str | PathLike) or not isinstance(folders, Sequence):
        raise MfaError(
            f"report wants several folders of results in a list, this is {shortly(folders)}"
        )
    if not folders:
        raise MfaError("there is no result to report; name folders of results")
    file = Path(file)
    if file.suffix not in (".html", ".htm"):
        raise MfaError(f"{str(file)!r}: a report is HTML; name a file that ends in .html")
    require_packages()
    paths, beside = results_among([str(folder) for folder in folders])
    content, numbers = collect(paths, modules)
    text = page(content, numbers)
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return file, [own["name"] for own in content["scenarios"]], beside
