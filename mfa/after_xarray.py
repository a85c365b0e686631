"""Registers ``Dataset.mfa`` once xarray is there, without importing xarray for it.

Importing this package must not cost the half second that xarray takes.  If xarray is imported already,
the accessor is registered at once; if not, a finder that knows this one name waits for
``import xarray``, lets the other finders do their work, registers and is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class _Waiting:
    """Has xarray found as it would have been, and the accessor registered after it was loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "xarray":
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        from importlib.util import find_spec

        spec = find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_register(module: ModuleType) -> None:
            load(module)
            _register()

        spec.loader.exec_module = load_and_register  # type: ignore[method-assign]
        return spec


def register() -> None:
    """Register the accessor now if xarray is imported, else when it will be."""
    if "xarray" in sys.modules:
        _register()
    elif not any(isinstance(finder, _Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Waiting())


def _register() -> None:
    import mfa.accessors  # noqa: F401  (registers itself)
