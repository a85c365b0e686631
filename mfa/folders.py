"""Folders of results: where one may be written, and how it takes the place of an older one."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from mfa.errors import MfaError
from mfa.files import parse_yaml, read_text, writing

OWN = {"result.nc", "result.zarr", "summary.csv", "manifest.yaml", "figures", ".parts"}
"""What a run writes into a folder of results."""


def check_target(folder: Path) -> None:
    """Raise unless a result can be written to a folder without harm to other files."""
    with writing(folder):
        there = next(
            path for path in (folder, *folder.parents) if path.is_symlink() or path.exists()
        )
        if not there.exists():
            raise MfaError(
                f"{there} is a link to {os.readlink(there)}, which is not there; "
                "make that folder or choose another"
            )
        if not there.is_dir():
            raise MfaError(f"{there} is a file; give the name of a folder")
        held = [path.name for path in folder.iterdir()] if there == folder else []
        if held and not OWN & set(held):
            raise MfaError(
                f"{folder} holds other files ({', '.join(sorted(held)[:3])}, …) and no result; "
                "choose another folder"
            )
        beside = _real(folder).parent if there == folder else there
        if not os.access(beside, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"no right to write in {beside}")


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Fill a new folder beside the target, which it replaces only when all went well.

    Files in the target that no run wrote are taken along.  A crash leaves the
    target as it was; what a killed process left behind is cleared by the next
    one that writes the same folder.

    >>> target = Path(tempfile.mkdtemp()) / "result"
    >>> with replacing_folder(target) as new:
    ...     _ = (new / "summary.csv").write_text("whole")
    >>> [path.name for path in target.parent.rglob("*")]
    ['result', 'summary.csv']
    """
    folder = _real(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        staging = Path(
            tempfile.mkdtemp(prefix=f"{_prefix(folder)}{os.getpid()}-", dir=folder.parent)
        )
        try:
            (staging / "new").mkdir()
            yield staging / "new"
            swap(staging / "new", folder, staging / "old")
        finally:
            if folder.exists() or not (staging / "old").exists():
                shutil.rmtree(staging)


def swap(new: Path, folder: Path, old: Path) -> None:
    """Put a finished folder in the place of another; what the user laid there moves along."""
    if not folder.exists():
        new.rename(folder)
        return
    _keep(folder, new, OWN)
    if (folder / "figures").is_dir():
        _keep(folder / "figures", new / "figures", _figures(folder))
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise


def _keep(old: Path, new: Path, own: Collection[str]) -> None:
    for path in old.iterdir():
        target = new / path.name
        if path.name in own or target.exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target, symlinks=True)
        else:
            shutil.copy2(path, target, follow_symlinks=False)


def _figures(folder: Path) -> set[str]:
    """Return the figures that the run of a folder wrote, as its manifest says."""
    file = folder / "manifest.yaml"
    if not file.is_file():
        return set()
    head = read_text(file).partition("\nscenarios:")[0]
    try:
        return set(map(str, parse_yaml(head, str(file)).get("figures", ())))
    except MfaError:  # a damaged manifest says nothing, so everything is kept
        return set()


def _real(folder: Path) -> Path:
    return folder.resolve() if folder.is_symlink() else folder


def _prefix(folder: Path) -> str:
    machine = re.sub(r"\W", "_", platform.node())
    return f".{folder.name}-{machine}-"


def _clear(folder: Path) -> None:
    """Remove what killed processes of this machine left beside a folder, and save what they moved."""
    for path in folder.parent.glob(".*"):
        left = re.fullmatch(re.escape(_prefix(folder)) + r"(\d+)-\w+", path.name)
        if left is None or _alive(int(left[1])):
            continue
        if (path / "old").exists() and not folder.exists():
            (path / "old").rename(folder)
        shutil.rmtree(path)


def _alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere there is no harmless way to ask
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
