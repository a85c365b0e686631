"""Python files and modules of a user, imported for the rules that they register (``--import``)."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, util
from pathlib import Path

from mfa.errors import MfaError, Place, known


def import_rules(modules: Sequence[str]) -> None:
    """Import files or modules whose functions are registered with :func:`mfa.rule`.

    Raises
    ------
    MfaError
        If there is no such file or module, or if it cannot be imported: with
        the file and the line at which it failed.
    """
    for name in modules:
        if name.endswith(".py"):
            _import_file(name)
        else:
            _import_module(name)


def _import_module(name: str) -> None:
    sys.path.insert(0, str(Path.cwd()))
    try:
        with _explained(name):
            import_module(name)
    except ModuleNotFoundError:
        raise MfaError(
            f"--import {name}: there is no such module; a file is named with '.py'"
        ) from None
    finally:
        sys.path.pop(0)


def _import_file(name: str) -> None:
    path = Path(name)
    if not path.is_file():
        near = known(path.name, [p.name for p in path.parent.glob("*.py")], "files beside it")
        raise MfaError(f"--import {name}: there is no such file. {near}")
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module
    try:
        with _explained(name):
            spec.loader.exec_module(module)
    except MfaError:
        if before is None:
            del sys.modules[path.stem]
        else:
            sys.modules[path.stem] = before
        raise


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn whatever a user's file raises into one message with the place at which it did."""
    try:
        yield
    except SyntaxError as error:
        place = Place(error.filename or name, error.lineno or 1, error.offset or 1)
        raise MfaError(f"--import {name}: this is not Python: {error.msg}", place) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            raise
        kind = "" if isinstance(error, MfaError) else f"{type(error).__name__}: "
        raise MfaError(f"--import {name}: {kind}{error}", _place(error, name)) from error


def _place(error: BaseException, name: str) -> Place:
    """Return the last line of an error that stands in a file of the user, not in a library."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    first = Path(name if name.endswith(".py") else f"{name.replace('.', '/')}.py").resolve()
    own = [f for f in frames if Path(f.filename).resolve() == first] or [
        f for f in frames if not f.filename.startswith("<")
    ]
    if not own:
        return Place(name)
    return Place(own[-1].filename, own[-1].lineno or 1, (own[-1].colno or 0) + 1)
