"""The page of a report: its template, styles and scripts, and the data that it carries, in one file."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mfa import __version__
from mfa.credits import sources as credited
from mfa.errors import MfaError

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "page"

SCRIPTS = ("numbers.js", "charts.js", "layout.js", "sankey.js", "page.js")
"""In the order in which they need each other."""


def page(content: Json, numbers: bytes) -> str:
    """Return the HTML of a report.

    Parameters
    ----------
    content : Json
    numbers : bytes
        As :func:`mfa.report.collecting.collect` returns them.

    Returns
    -------
    str
        It needs no other file: plotly.js, styles, scripts and numbers are in it, and its own
        policy forbids every request.

    """
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    found = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    found += b" " * (-len(found) % 4)  # numbers begin at a multiple of four bytes
    packed = len(found).to_bytes(4, "little") + found + numbers
    titles = list(dict.fromkeys(own["title"] for own in content["scenarios"]))
    parts = {
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "script": "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "plotly": _packed(get_plotlyjs().encode()),
        "data": _packed(packed),
    }
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (FOLDER / "page.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=titles[0] if len(titles) == 1 else f"{titles[0]} and {len(titles) - 1} more",
        scenarios=len(content["scenarios"]),
        version=__version__,
        attribution=_attribution(content["sources"]),
        **{name: Markup(text) for name, text in parts.items()},
    )


def _packed(content: bytes) -> str:
    """Return bytes as text that can stand in a page."""
    return b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def _attribution(sources: dict[str, str]) -> str:
    named = "; ".join(credited([*sources.values()]))
    used = (
        f"Data: {named}. Their references and licences are listed above"
        if sources
        else "Data: no sources named"
    )
    return (
        f"Made with mfa {__version__}. {used}; the data keep the licences of their publishers, many of "
        "which ask to be named (CC BY 4.0). Name them when you pass figures on."
    )


def require_packages() -> None:
    """Raise if plotly or jinja2 are not installed.

    Raises
    ------
    MfaError
    """
    missing = [name for name in ("plotly", "jinja2") if find_spec(name) is None]
    if missing:
        raise MfaError(
            f"a report needs {' and '.join(missing)}, which is not installed: pip install 'mfa[report]'"
        )
