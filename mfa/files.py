"""Text files in and out: YAML with line and column, safe writing."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from mfa.errors import MfaError, Place

MOST_NODES = 200_000
"""A file that unfolds into more values than this is refused (alias expansion)."""

DEEPEST = 100
"""A file nested deeper than this is refused (an alias that contains itself has no end)."""


class Branch(dict[Any, Any]):
    """A mapping read from a file; remembers where each key and value stands."""

    place: Place
    keys_at: dict[Any, Place]
    values_at: dict[Any, Place]


class Sequence(list[Any]):
    """A list read from a file; remembers where each entry stands."""

    place: Place
    values_at: dict[Any, Place]


def place_of(node: Any, path: tuple[Any, ...] = (), *, key: bool = False) -> Place:
    """Return the place of the value (or of its key) at a path below a node."""
    place = getattr(node, "place", Place())
    for position, part in enumerate(path):
        last = position == len(path) - 1
        if isinstance(node, Branch) and part in node:
            place = node.keys_at[part] if key and last else node.values_at[part]
            node = node[part]
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node):
            place, node = node.values_at[part], node[part]
        else:
            break
    return place


def yaml_files(folder: Path, suffix: str = ".yaml") -> list[Path]:
    """Return the YAML files of a folder by name; what is hidden (``.#Co.yaml``) is no file here."""
    return sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))


def read_text(path: str | Path, place: Place | None = None) -> str:
    """Return the text of a UTF-8 file, or say what is wrong with it."""
    if not isinstance(path, str | Path):
        raise MfaError(f"{path!r} is not the name of a file; give a text or a Path", place)
    path = Path(path)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        near = [p.name for p in yaml_files(path.parent, path.suffix)][:20]
        found = f"; {path.parent} holds: {', '.join(near)}" if near else ""
        raise MfaError(f"there is no file {path}{found}", place) from None
    except IsADirectoryError:
        raise MfaError(f"{path} is a folder, not a file", place) from None
    except OSError as error:
        raise MfaError(f"{path} cannot be read: {error.strerror}", place) from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        message = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise MfaError(message, Place(str(path), line, column)) from None


def read_yaml(path: str | Path, place: Place | None = None) -> Branch:
    """Read a YAML 1.2 file into mappings and lists that know their places.

    Raises
    ------
    MfaError
        For a missing, empty or non-UTF-8 file, tabs, duplicate keys, aliases
        that unfold without end, or anything but a mapping at the top.
    """
    return _parsed_once(read_text(path, place), str(path))


@lru_cache(maxsize=512)
def _parsed_once(text: str, file: str) -> Branch:
    """Scenarios share most of their files; reading YAML takes longer than all else about them."""
    return parse_yaml(text, file)


def parse_yaml(text: str, file: str, most: int = MOST_NODES) -> Branch:
    """Read YAML text; see :func:`read_yaml`."""
    node = _build(_compose(text, file), file, _Budget(most))
    if not isinstance(node, Branch):
        kind = "list" if isinstance(node, Sequence) else "single value"
        what = "empty" if node is None else f"a {kind}, not a mapping of names"
        raise MfaError(f"the file is {what}; start it with 'title: …'", Place(file, 1, 1))
    return node


def parse_value(text: str, file: str) -> Any:
    """Read one YAML value, as typed on the command line."""
    return _build(_compose(text, file), file, _Budget(MOST_NODES))


def _compose(text: str, file: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("%YAML") and line.split()[1:2] != ["1.2"]:
            message = f"{line.strip()!r}: files are YAML 1.2, where NO is Norway; take the line out"
            raise MfaError(message, Place(file, number, 1))
        if line[:1] not in ("%", "#", "") and line.strip():
            break
    try:
        return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        problem = error.problem or "this is not YAML"
        if "\\t" in problem or "'\t'" in problem:
            problem = "a tab; YAML is indented with spaces"
        raise MfaError(f"cannot be read: {problem}", place) from None
    except ReaderError as error:
        before = text[: error.position]
        place = Place(file, before.count("\n") + 1, error.position - before.rfind("\n"))
        raise MfaError(f"character {error.character!r} is not allowed in YAML", place) from None
    except YAMLError as error:
        raise MfaError(f"cannot be read: {error}", Place(file, 1, 1)) from None
    except RecursionError:
        raise MfaError(f"is nested more than {DEEPEST} levels deep", Place(file, 1, 1)) from None


class _Budget:
    def __init__(self, most: int) -> None:
        self.most = self.left = most
        self.depth = 0

    def spend(self, place: Place) -> None:
        self.left -= 1
        if self.left < 0:
            raise MfaError(
                f"aliases unfold into more than {self.most:,} values; write them out", place
            )

    @contextmanager
    def deeper(self, place: Place) -> Iterator[None]:
        self.depth += 1
        if self.depth > DEEPEST:
            raise MfaError(
                f"is nested more than {DEEPEST} levels deep; does an alias contain itself?", place
            )
        yield
        self.depth -= 1


def _build(node: Any, file: str, budget: _Budget) -> Any:
    if node is None:
        return None
    place = Place(file, node.start_mark.line + 1, node.start_mark.column + 1)
    budget.spend(place)
    if node.id == "scalar":
        return _scalar(str(node.tag), node.value, place)
    with budget.deeper(place):
        if node.id == "mapping":
            return _build_mapping(node, file, place, budget)
        sequence = Sequence(_build(child, file, budget) for child in node.value)
        sequence.place = place
        sequence.values_at = {i: _place(child, file) for i, child in enumerate(node.value)}
        return sequence


def _build_mapping(node: Any, file: str, place: Place, budget: _Budget) -> Branch:
    branch = Branch()
    branch.place, branch.keys_at, branch.values_at = place, {}, {}
    for key_node, value_node in node.value:
        at = _place(key_node, file)
        key = _build(key_node, file, budget)
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise MfaError(f"a key must be a name or a year, not {key!r}; quote it", at)
        if key in branch:
            first = branch.keys_at[key]
            raise MfaError(f"duplicate key {key!r} (first in line {first.line})", at)
        branch[key] = _build(value_node, file, budget)
        nothing = value_node.start_mark.index == value_node.end_mark.index
        branch.keys_at[key], branch.values_at[key] = at, at if nothing else _place(value_node, file)
    return branch


def _place(node: Any, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(tag: str, text: str, place: Place) -> Any:
    if not tag.startswith("tag:yaml.org,2002:"):
        raise MfaError(f"the tag {tag} is not known; write plain values", place)
    kind = tag.rsplit(":", 1)[-1]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        if kind == "int":
            digits = text.replace("_", "")
            return int(digits, 0 if digits.lstrip("+-")[:2].lower() in ("0x", "0o") else 10)
        if kind == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise MfaError(f"{text!r} is not a number", place) from None
    return text


def inside(root: Path, name: str, place: Place | None = None) -> Path:
    """Return the path of a file named relative to a folder it may not leave."""
    try:
        path = (root / name).resolve()
        path.exists()
    except (OSError, ValueError):  # too long, or with a character that no name may hold
        raise MfaError(f"{name[:80]!r} cannot be the name of a file", place) from None
    if not path.is_relative_to(root.resolve()):
        raise MfaError(f"{name!r} lies outside the folder {root}; copy the file into it", place)
    return path


def sha256(content: str | bytes) -> str:
    """Return the SHA-256 of a text or of bytes, in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write to a temporary name beside the target; rename it only when all went well.

    >>> import tempfile, pathlib
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn the refusal of the operating system to write a path into one message.

    >>> with writing("results"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    mfa.errors.MfaError: results cannot be written: No space left on device; make room, or choose another place
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "make room, or choose another place" if full else "choose another place"
        reason = error.strerror or str(error)
        raise MfaError(f"{path} cannot be written: {reason}; {what}") from error
