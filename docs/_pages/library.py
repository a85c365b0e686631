"""One page for each public module: its words, a table of names, and every docstring."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import Any

import mfa


def modules() -> list[str]:
    """Return the public modules below ``mfa``, in the order of the package."""
    found = []
    for room in mfa._ROOMS:
        name = f"mfa.{room}"
        found.append(name)
        module = import_module(name)
        inner = [n for n in public(module) if isinstance(getattr(module, n), ModuleType)]
        found += [f"{name}.{n}" for n in inner]
    return found


def public(module: ModuleType) -> list[str]:
    """Return the public names of a module: what it lists, or defines and passes on by name."""
    if "__dir__" in vars(module):
        return [name for name in dir(module) if not name.startswith("_")]
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    tree = ast.parse(inspect.getsource(module))
    names = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names if alias.asname == alias.name}
    return sorted(name for name in names if not name.startswith("_"))


def pages() -> dict[str, str]:
    """Return the page of ``mfa`` and one for each of its modules."""
    texts = {"python/mfa.md": page("mfa", mfa, list(mfa._HOMES))}
    for name in modules():
        module = import_module(name)
        texts[f"python/{name}.md"] = page(name, module, public(module))
    return texts


def page(name: str, module: ModuleType, names: list[str]) -> str:
    """Return the page of a module: functions, then classes, then what else it shows."""
    found = {n: getattr(module, n) for n in names}
    functions = [n for n in names if inspect.isroutine(found[n])]
    classes = [n for n in names if inspect.isclass(found[n])]
    inner = [n for n in names if isinstance(found[n], ModuleType)]
    rest = [n for n in names if n not in {*functions, *classes, *inner}]
    lines = [f"# {name}", "", "```{eval-rst}", f".. automodule:: {name}", "```", ""]
    if inner:
        lines += [f"Smaller rooms: {', '.join(f'[`{n}`]({name}.{n}.md)' for n in inner)}.", ""]
    if listed := [*functions, *classes]:
        lines += ["```{eval-rst}", f".. currentmodule:: {name}", "", ".. autosummary::"]
        lines += ["   :nosignatures:", "", *(f"   {n}" for n in listed), "```", ""]
    for title, kind, members in (
        ("Functions", "autofunction", functions),
        ("Classes", "autoclass", classes),
    ):
        if members:
            lines += [f"## {title}", "", "```{eval-rst}"]
            for n in members:
                lines += [f".. {kind}:: {name}.{n}"]
                if kind == "autoclass":
                    lines += ["   :members:"]
                lines += [""]
            lines += ["```", ""]
    if rest:
        lines += ["## Tables", "", "```{eval-rst}"]
        for n in rest:
            told = words_of(n, module).splitlines()
            lines += [f".. py:data:: {name}.{n}", "", *(f"   {line}" for line in told), ""]
            lines += [f"   {listed_in(found[n])}", ""]
        lines += ["```", ""]
    return "\n".join(lines)


def listed_in(table: Any) -> str:
    """Say what stands in a table: its names, or its values."""
    if isinstance(table, Mapping):
        return f"Its names: {', '.join(f'``{name}``' for name in sorted(table))}."
    if isinstance(table, tuple | list | set | frozenset):
        return f"Its values: {', '.join(f'``{value}``' for value in table)}."
    return f"Its value: ``{table}``."


def words_of(name: str, module: ModuleType) -> str:
    """Return the text that stands under a table where it is made."""
    table = getattr(module, name)
    for one in [m for n, m in sorted(sys.modules.items()) if n.startswith("mfa.")]:
        if vars(one).get(name) is not table:
            continue
        body = ast.parse(inspect.getsource(one)).body
        for made, told in pairwise(body):
            targets = (
                made.targets if isinstance(made, ast.Assign) else [getattr(made, "target", None)]
            )
            if any(isinstance(t, ast.Name) and t.id == name for t in targets) and isinstance(
                told, ast.Expr
            ):
                return inspect.cleandoc(ast.literal_eval(told.value))
    raise LookupError(f"{module.__name__}: nothing is said of {name} where it is made")


def homes() -> dict[int, str]:
    """Return the public name of every function and class, by its identity."""
    found: dict[int, str] = {}
    for name in modules():
        module = import_module(name)
        for n in public(module):
            found.setdefault(id(getattr(module, n)), f"{name}.{n}")
    for n in mfa._HOMES:
        found[id(getattr(mfa, n))] = f"mfa.{n}"
    return found


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Lead a reference to the place where something is defined to the page that shows it.

    What no page shows, because it is not public, stays plain text. A target that does not
    exist is left to Sphinx, which warns.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    # types are told in the words of the field ("array", "Axes"): no page has them
    if node.get("reftype") == "class" and not target.startswith("mfa."):
        return content
    found = lookup(target, node.get("py:module"))
    if found is None:  # a name of the smaller room where the docstring stands
        below = [m for n, m in list(sys.modules.items()) if n.startswith("mfa.")]
        return content if any(target in vars(m) for m in below) else None
    name = homes().get(id(found[0])) or (found[1] if found[1] in modules() else "")
    domain = env.get_domain("py")
    entry = domain.objects.get(name) if name in domain.objects else None
    if entry is None:
        return content
    from sphinx.util.nodes import make_refnode

    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, name)


def escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep bars in formulas, which would otherwise be taken for substitutions."""
    example = False
    for number, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if "|" in line and not example:
            parts = line.split("``")
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[number] = "``".join(parts)


def lookup(target: str, module: str | None) -> tuple[Any, str] | None:
    """Find what a dotted name stands for, seen from a module; nothing if there is none."""
    for name in (target, f"{module}.{target}" if module else ""):
        if not name.startswith("mfa"):
            continue
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            head = ".".join(parts[:cut])
            try:
                import_module(head)
            except ModuleNotFoundError:
                continue
            value: Any = sys.modules[head]
            for part in parts[cut:]:
                value = getattr(value, part, None)
                if value is None:
                    break
            else:
                return value, name
            break
    return None
