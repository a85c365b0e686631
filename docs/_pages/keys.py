"""Every key that files may have: from the models of files, and from the forms of values."""

from __future__ import annotations

import ast
import inspect
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from _pages.commands import cell
from mfa import fit_values, forms, schema
from mfa.demand.laws import LAWS
from mfa.lifetime_laws import LAWS as LIFETIMES
from mfa.role_names import ROLES
from mfa.schema import BUILT_IN, LeverFile, Model, Process, ScenarioFile, SystemFile, UserProcess

FORM_TITLES = {
    "law": "A law",
    "table": "A table",
    "observed": "History and what continues it",
    "value": "A value with what is known of it",
    "scale": "A change by a factor",
    "add": "A change by an amount",
}


def pages() -> dict[str, str]:
    """Return the pages of systems, of scenarios and levers, and of the forms of values."""
    return {"systems.md": systems(), "scenarios.md": scenarios(), "values.md": values()}


def meanings(model: type[Model]) -> dict[str, str]:
    """Return what stands under each field of a model in the source, inherited ones too.

    A text under a field is its description; pydantic could read it as well, but every
    import would then pay for it.
    """
    found: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if parent is Model or not issubclass(parent, Model):
            continue
        body = ast.parse(inspect.getsource(parent)).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, told in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(told, ast.Expr)
                and isinstance(told.value, ast.Constant)
            ):
                found[field.target.id] = str(told.value.value)
    return found


def inner(model: type[Model]) -> list[type[Model]]:
    """Return the models that stand in fields of a model."""
    found = []
    for field in model.model_fields.values():
        found += [
            t for t in parts(field.annotation) if isinstance(t, type) and issubclass(t, Model)
        ]
    return list(dict.fromkeys(found))


def parts(kind: Any) -> list[Any]:
    """Return the classes that an annotation is made of."""
    return [part for arg in get_args(kind) for part in parts(arg)] or [kind]


def rows(model: type[Model], without: tuple[str, ...] = ()) -> list[str]:
    """Return the table of the keys of a model."""
    told = meanings(model)
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name in without:
            continue
        key = field.alias or name
        lines.append(
            f"| `{key}` | {kind_of(field.annotation)} | {default_of(field)} | "
            f"{cell(told[name].replace('``', '`'))} |"
        )
    return [*lines, ""]


def default_of(field: Any) -> str:
    """Say what holds where a key is absent."""
    if field.default is PydanticUndefined:
        return "**needed**"
    if field.default in (None, (), {}, ""):
        return ""
    return f"`{field.default}`"


def kind_of(kind: Any) -> str:
    """Say in words what may stand under a key."""
    origin, given = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return kind_of(given[0])
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in given)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(kind_of(part) for part in given if part is not type(None)))
    if origin is tuple:
        if Ellipsis in given:
            inside = kind_of(given[0])
            return "name or names" if inside == "text" else f"list of {inside}s"
        return f"list of {len(given)} {kind_of(given[0])}s"
    if origin is dict:
        return f"mapping of names to {kind_of(given[1])}"
    if isinstance(kind, type) and issubclass(kind, Model):
        return f"[{heading(kind).lower()}](#{heading(kind).lower().replace(' ', '-')})"
    words = {str: "text", int: "whole number", float: "number", bool: "yes or no", Any: "value"}
    return words[kind]


HEADINGS = {
    "ParameterSpec": "Parameter",
    "TargetOf": "Target",
    "CorrelationOf": "Correlation",
    "Economic": "Economic potential",
    "SystemFile": "System file",
    "ScenarioFile": "Scenario file",
    "LeverFile": "Lever file",
    "UserProcess": "A rule of your own",
}


def heading(model: type[Model]) -> str:
    """Return the heading of a model."""
    return HEADINGS.get(model.__name__, model.__name__)


def section(model: type[Model], level: str = "##") -> list[str]:
    """Return the heading, the words and the keys of a model."""
    return [
        f"{level} {heading(model)}",
        "",
        inspect.cleandoc(model.__doc__ or ""),
        "",
        *rows(model),
    ]


def systems() -> str:
    """Return the page of system files."""
    lines = ["# Keys of system files", ""]
    lines += ["A system has no numbers but defaults. Every key is in these tables; an unknown"]
    lines += ["key is an error that names those there are.", ""]
    lines += section(SystemFile)
    lines += section(schema.ParameterSpec)
    lines += [
        "## Dimensions",
        "",
        "Beside a list of labels a dimension can be one of two mappings.",
        "",
    ]
    lines += ["| key | meaning |", "|---|---|"]
    for model in (schema.Like, schema.All):
        for name, told in meanings(model).items():
            lines.append(f"| `{name}` | {told} |")
    lines += ["", "## Process", "", inspect.cleandoc(Process.__doc__ or ""), "", *rows(Process)]
    shared = tuple(Process.model_fields)
    for rule, model in BUILT_IN.items():
        lines += [f"### rule: {rule}", "", inspect.cleandoc(model.__doc__ or ""), ""]
        lines += rows(model, without=shared)
    lines += ["### A rule of your own", "", inspect.cleandoc(UserProcess.__doc__ or ""), ""]
    lines += rows(UserProcess, without=shared)
    for model in below(*BUILT_IN.values()):
        lines += section(model)
        lines += lifetime_laws() if model is schema.Lifetime else []
    lines += ["## Roles", "", "| role | played by | means |", "|---|---|---|"]
    lines += [f"| `{name}` | {role.kind}s | {role.meaning} |" for name, role in ROLES.items()]
    lines += [""]
    for model in below(SystemFile):
        lines += section(model) if model is not schema.ParameterSpec else []
    return "\n".join(lines)


def below(*models: type[Model]) -> list[type[Model]]:
    """Return the models that stand in fields of some models, and in fields of those."""
    found: list[type[Model]] = []
    for model in models:
        for part in inner(model):
            found += [one for one in (part, *below(part)) if one not in found]
    return found


def lifetime_laws() -> list[str]:
    """Return the table of lifetime laws."""
    lines = ["| law | its parameters |", "|---|---|"]
    for name, law in LIFETIMES.items():
        ways = " or ".join(", ".join(f"`{p}`" for p in way) for way in law.accepts)
        lines.append(f"| `{name}` | {ways} |")
    return [*lines, "| `table` | `survival` |", ""]


def scenarios() -> str:
    """Return the page of scenario and lever files."""
    lines = ["# Keys of scenario and lever files", ""]
    lines += ["The forms of values are on [a page of their own](values.md).", ""]
    for model in (ScenarioFile, LeverFile):
        lines += section(model)
    for model in below(ScenarioFile, LeverFile):
        lines += section(model)
    return "\n".join(lines)


def values() -> str:
    """Return the page of the forms that a value can have."""
    lines = [
        "# Forms of a value",
        "",
        "Besides these a value is a number, a text with a [unit](units.md), a path over years",
        "(`{2020: 10 %, 2040: 60 %}`), or a mapping of labels to values of any form, of which one",
        "can be `rest`: what is missing to 1.",
        "",
    ]
    for keyword, allowed in forms.KEYWORDS.items():
        lines += [f"## {FORM_TITLES[keyword]}: `{keyword}`", ""]
        lines += words(forms.LAW if allowed is None else allowed)
        if allowed is None:
            lines += ["| law | its parameters |", "|---|---|"]
            lines += [
                f"| `{name}` | {', '.join(f'`{f}`' for f in law.fields)} |"
                for name, law in LAWS.items()
            ]
            lines += [""]
    lines += ["## A fitted law: `fit`", "", *words(fit_values.BESIDE)]
    return "\n".join(lines)


def words(told: dict[str, str]) -> list[str]:
    """Return a table of keys and their meanings."""
    lines = ["| key | meaning |", "|---|---|"]
    lines += [f"| `{key}` | {cell(text.replace('``', '`'))} |" for key, text in told.items()]
    return [*lines, ""]
