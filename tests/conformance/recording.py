"""What the conformance tests compare, written down: case, source, published number, ours.

A plugin of pytest for the page on validation:

    python -m pytest -p tests.conformance.recording --record FILE tests/conformance

Every dictionary of ``cases/*.json`` notes when a test reads it; what
``numpy.testing.assert_allclose`` then compares belongs to the case and to the
keys that were read last.  Tests need not know of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CASES = Path(__file__).parent / "cases"


class Noted(dict[str, Any]):
    """A dictionary of a file of cases that tells a recorder when it is read."""

    recorder: Recorder
    case = False
    expected = False
    source = ""

    def __getitem__(self, key: str) -> Any:
        self.recorder.note(self, key)
        return super().__getitem__(key)

    def items(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        for key, value in super().items():
            self.recorder.note(self, key)
            yield key, value

    def plain(self, key: str) -> Any:
        """Return a value without a note."""
        return super().get(key)


class Recorder:
    """Notes which case is read, and writes down each comparison with it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.touched: list[dict[str, Any]] = []
        self.test = ""
        self.module = ""
        self.case: Noted | None = None
        self.source = ""
        self.keys: list[str] = []

    def begin(self, item: pytest.Item) -> None:
        """Forget what the test before this one has read."""
        self.test, self.module = item.name, Path(str(item.path)).stem
        self.case, self.source, self.keys = None, "", []

    def note(self, read: Noted, key: str) -> None:
        """Note that a test reads a key."""
        self.source = read.source or self.source
        if read.case:
            if self.case is not read:
                self.case, self.keys = read, []
            known = {"module": self.module, "test": self.test, **self.about()}
            if self.test and known not in self.touched:
                self.touched.append(known)
        if self.case is None:
            self.keys = [key]
        elif (read.expected or key == "published") and key not in self.keys:
            self.keys.append(key)

    def about(self) -> dict[str, str]:
        """Return name, title and source of what was read last."""
        case = self.case
        label = str(case.plain("id") or case.plain("name") or "") if case is not None else ""
        title = str(case.plain("title") or "") if case is not None else ""
        return {"case": label, "title": title, "source": self.source}

    def compared(self, actual: Any, desired: Any, message: str) -> None:
        """Write down a comparison: how many numbers, and the pair that differs most."""
        ours, theirs = np.broadcast_arrays(
            np.asarray(actual, dtype=float), np.asarray(desired, dtype=float)
        )
        if ours.size == 0:
            return
        gap = np.nan_to_num(np.abs(ours - theirs)).ravel()
        worst = int(gap.argmax()) if gap.max() > 0 else int(np.nanargmax(np.abs(theirs).ravel()))
        scale = float(np.nanmax(np.abs(theirs)))
        about = self.about()
        what = message.removeprefix(about["case"]).strip() or ", ".join(self.keys)
        if not what or not about["source"]:
            return  # two of our own numbers
        self.rows.append(
            {
                "module": self.module,
                "test": self.test,
                **about,
                "what": what,
                "numbers": int(ours.size),
                "published": float(theirs.ravel()[worst]),
                "ours": float(ours.ravel()[worst]),
                "difference": float(gap.max()) / scale if scale else float(gap.max()),
            }
        )
        self.keys = []


RECORDER = Recorder()


def noted(found: dict[str, Any]) -> Noted:
    """Return a dictionary of a file of cases as one that tells when it is read."""
    one = Noted(found)
    one.recorder = RECORDER
    one.case = "id" in found and "expected" in found
    _expect(found.get("expected"))
    if isinstance(source := found.get("source"), str):
        _tell(one, source)
    return one


def _expect(value: Any) -> None:
    """Mark what is expected, and everything below it."""
    if isinstance(value, Noted):
        value.expected = True
        for inner in dict.values(value):
            _expect(inner)


def _tell(value: Any, source: str) -> None:
    """Give a source to everything below it that names none."""
    if isinstance(value, Noted) and not value.source:
        value.source = source
        for inner in dict.values(value):
            _tell(inner, source)
    elif isinstance(value, list):
        for inner in value:
            _tell(inner, source)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", metavar="FILE", help="where comparisons are written, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Make what is read from JSON tell when it is read; only under --record."""
    if not config.getoption("--record"):
        return
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    read, same = json.loads, np.testing.assert_allclose
    texts = {path.read_text("utf-8") for path in CASES.glob("*.json")}

    def loads(text: Any, **options: Any) -> Any:
        return read(text, object_hook=noted) if text in texts else read(text, **options)

    def assert_allclose(actual: Any, desired: Any, *given: Any, **options: Any) -> None:
        same(actual, desired, *given, **options)
        RECORDER.compared(actual, desired, str(options.get("err_msg", "")))

    patch.setattr(json, "loads", loads)
    patch.setattr(np.testing, "assert_allclose", assert_allclose)


def pytest_runtest_setup(item: pytest.Item) -> None:
    RECORDER.begin(item)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was compared, in the order of the tests."""
    if target := session.config.getoption("--record"):
        told = {"rows": RECORDER.rows, "touched": RECORDER.touched}
        Path(target).write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
