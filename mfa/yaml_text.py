"""Plain values as YAML 1.2 text: blocks of what holds other things, one line for the rest.

The general writer takes ten times as long, and a manifest is written with every result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PLAIN = re.compile(r"[A-Za-z][\w /.()–-]*|\d+(\.\d+)? [A-Za-z%][\w /%.-]*")
"""Texts that no reader takes for anything else, and that mean nothing in YAML."""

WORDS = {"null", "true", "false", "yes", "no", "on", "off", "nan", "inf", "y", "n"}
"""Texts that some readers take for something else."""


def to_text(content: Mapping[str, Any]) -> str:
    """Return a mapping of plain mappings, lists, texts and numbers as YAML.

    A mapping that stands at several places (the same object) is written once.

    >>> print(to_text({"a": {"b": [1, 2.5], "c": {"d": "12 yr", 2020: None}}, "e": [{"f": [[]]}]}), end="")
    a:
      b: [1, 2.5]
      c: {d: 12 yr, 2020: null}
    e:
    - f: [[]]
    """
    return "".join(f"{line}\n" for line in _Writer(content).block(content, ""))


class _Writer:
    """Writes one document; knows which mappings stand at several places."""

    def __init__(self, content: Any) -> None:
        seen: set[int] = set()
        self.repeated: set[int] = set()
        self.named: dict[int, str] = {}
        self.look_for_repeated(content, seen)

    def look_for_repeated(self, value: Any, seen: set[int]) -> None:
        if isinstance(value, Mapping):
            if id(value) in seen:
                self.repeated.add(id(value))
                return
            seen.add(id(value))
            for inner in value.values():
                self.look_for_repeated(inner, seen)
        elif isinstance(value, list | tuple):
            for inner in value:
                self.look_for_repeated(inner, seen)

    def block(self, value: Any, indent: str) -> Iterator[str]:
        """Yield the lines of a mapping or a list that holds other mappings or lists."""
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from self.entry(f"{indent}{scalar(key)}:", inner, f"{indent}  ", indent)
            return
        for inner in value:
            if _fits_a_line(inner) or id(inner) in self.repeated:
                yield from self.entry(f"{indent}-", inner, f"{indent}  ", f"{indent}  ")
                continue
            first, *rest = self.block(inner, f"{indent}  ")
            yield f"{indent}- {first.removeprefix(f'{indent}  ')}"
            yield from rest

    def entry(self, head: str, value: Any, deeper: str, of_list: str) -> Iterator[str]:
        """Yield what stands behind a key or a dash; a list stands as far left as its key."""
        if id(value) in self.named:
            yield f"{head} *{self.named[id(value)]}"
            return
        if id(value) in self.repeated:
            self.named[id(value)] = name = f"id{len(self.named) + 1:03}"
            head = f"{head} &{name}"
        if _fits_a_line(value):
            yield f"{head} {_line(value)}"
            return
        yield head
        yield from self.block(value, deeper if isinstance(value, Mapping) else of_list)


def _fits_a_line(value: Any) -> bool:
    """Say whether a value is a scalar, or holds nothing but scalars and empty things."""
    if isinstance(value, Mapping):
        return not any(
            isinstance(inner, Mapping | list | tuple) and inner for inner in value.values()
        )
    if isinstance(value, list | tuple):
        return not any(isinstance(inner, Mapping | list | tuple) and inner for inner in value)
    return True


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {_line(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_line, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """Return a text or a number so that it is read as what it is.

    >>> print(scalar("45 %"), scalar("no"), scalar("1e3"), scalar(1e-7), scalar(float("inf")), scalar("a: b"))
    45 % "no" "1e3" 1.0e-07 .inf "a: b"
    """
    if isinstance(value, str):
        if PLAIN.fullmatch(value) and value.lower() not in WORDS and not value.endswith(" "):
            return value
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = repr(float(value))
    if text in ("inf", "-inf", "nan"):
        return text.replace("inf", ".inf").replace("nan", ".nan")
    return text if "." in text else text.replace("e", ".0e")


def quoted(text: str) -> str:
    """Write a text between double quotes, what cannot be seen as escapes."""
    seen = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in seen)
