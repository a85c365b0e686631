"""Bad input: every mistake ends with its file, line and column, and nothing is written.

Each case changes a small good folder.  The text of a change holds the mark
``@@`` where the message must point; the mark is taken out before the file is
written, and its line and column are what the message has to name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from mfa.cli import main

MARK = "@@"

GOOD = {
    "systems/loop.yaml": """\
title: Loop
conserves: material
dimensions:
  region: [NA, NO]
  end: [cars, buses]
  material: all
parameters:
  sales: {dims: [year, region], unit: vehicle/yr, min: 0}
  content: {dims: [material], unit: kg/vehicle, min: 0}
  life: {unit: yr, min: 0, default: 3 yr}
  collection: {dims: [year, region], unit: "1", min: 0, max: 1}
  recovery: {dims: [material], unit: "1", min: 0, max: 1}
  mix: {dims: [region], unit: "1", min: 0, max: 1, sums: region}
processes:
  mine: {rule: source}
  metal: {rule: market, from: [recycle, mine], surplus_to: landfill}
  use:
    rule: stock
    from: metal
    to: collect
    inflow: sales
    content: content
    lifetime: {law: fixed, mean: life}
  collect: {rule: split, shares: {recycle: collection, landfill: rest}}
  recycle: {rule: split, shares: {metal: recovery, landfill: rest}}
  landfill: {rule: sink}
""",
    "materials/Li.yaml": """\
title: Lithium
content: 4 kg/vehicle
recovery: 1e-3
""",
    "materials/Co.yaml": """\
title: Cobalt
content: 5 kg/vehicle
recovery: 90 %
""",
    "data/sales.csv": """\
year,region,value,unit
2000,NA,100,vehicle/yr
2001,NA,110,vehicle/yr
2002,NA,120,vehicle/yr
2003,NA,130,vehicle/yr
2004,NA,140,vehicle/yr
2000,NO,10,vehicle/yr
2001,NO,11,vehicle/yr
2002,NO,12,vehicle/yr
2003,NO,13,vehicle/yr
2004,NO,14,vehicle/yr
""",
    "levers/directive.yaml": """\
title: Directive
set:
  collection:
    NO: {scale: 1.5}
""",
    "levers/other.yaml": """\
title: Another policy
set:
  collection:
    NO: 70 %
""",
    "base.yaml": """\
title: Base
system: systems/loop.yaml
years: [2000, 2004]
report_from: 2001
set:
  sales: {table: data/sales.csv}
  collection: {NA: {2000: 10 %, 2004: 50 %}, NO: 40 %}
  mix: {NA: 30 %, NO: rest}
""",
    "bad.yaml": """\
title: Child
inherits: base
levers: [directive]
set:
  collection:
    NA: 20 %
""",
}

BASE, BAD, SYSTEM, CSV = "base.yaml", "bad.yaml", "systems/loop.yaml", "data/sales.csv"
TABLE = "sales: {table: @@data/sales.csv}"

Change = str | bytes | None | tuple[str, str] | list[tuple[str, str]]


class Case(NamedTuple):
    """A mistake: changes by file (new text, replacements, or None to delete), and what is said."""

    name: str
    changes: dict[str, Change]
    says: tuple[str, ...]
    at: tuple[str, int, int] | None = None
    """File, line and column, where no mark can stand in a text."""


def child(lines: str) -> dict[str, Change]:
    """Return the child scenario with other values."""
    return {BAD: f"title: Child\ninherits: base\nset:\n{lines}\n"}


def in_system(*changes: tuple[str, str]) -> dict[str, Change]:
    return {SYSTEM: list(changes)}


def in_table(*changes: tuple[str, str]) -> dict[str, Change]:
    return {CSV: list(changes)}


ALIASES = "".join(f"  b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 10)}]\n" for i in range(1, 9))

CASES = [
    # names
    Case("unknown label", child("  collection: {NA: 1 %, @@SE: 20 %}"), ("'SE'", "NA, NO")),
    Case("unknown label alone", child("  collection:\n    @@SE: 20 %"), ("'SE'",)),
    Case("unknown label below a named dimension", child("  collection: {region: {@@N0: 20 %}}"), ("'N0'", "NA, NO")),
    Case("misspelt parameter", child("  @@colection: 20 %"), ("'colection'", 'Did you mean "collection"?')),
    Case("misspelt parameter in an item file", {"materials/Li.yaml": ("recovery", "@@recovry")}, ("'recovry'", 'mean "recovery"')),
    Case("parameter without the dimension of its item file", {"materials/Li.yaml": ("recovery: 1e-3", "recovery: 1e-3\n@@life: 3 yr")}, ("'material'",)),
    Case("misspelt key of a scenario", {BAD: ("inherits: base", "@@inherit: base")}, ("'inherit'", 'mean "inherits"')),
    Case("misspelt key of a lever", {"levers/directive.yaml": ("title: Directive", "title: Directive\n@@reasn: x")}, ("'reasn'",)),
    Case("misspelt key of a process", in_system(("    inflow: sales", "    @@inflw: sales")), ("'inflw'", 'mean "inflow"')),
    Case("misspelt key of a parameter", in_system(("unit: vehicle/yr, min: 0", "unit: vehicle/yr, @@mn: 0")), ("'mn'", 'mean "min"')),
    Case("misspelt key of a lifetime", in_system(("mean: life", "@@maen: life")), ("'maen'", 'mean "mean"')),
    Case("misspelt key of a table", child("  sales: {table: data/sales.csv, @@befor: 0}"), ("'befor'", 'mean "before"')),
    Case("duplicate key", child("  collection: 20 %\n  @@collection: 30 %"), ("'collection'", "line 4")),
    Case("duplicate key of a process", in_system(("  landfill: {rule: sink}", "  landfill: {rule: sink}\n  @@mine: {rule: source}")), ("'mine'", "line 15")),
    # units and numbers
    Case("wrong unit", {"materials/Li.yaml": ("4 kg/vehicle", "@@4 kg/kWh")}, ("t/kWh", "t/vehicle")),
    Case("missing unit", {"materials/Li.yaml": ("4 kg/vehicle", "@@4.25")}, ("4.25",)),
    Case("unknown unit", {"materials/Li.yaml": ("4 kg/vehicle", "@@4 lb/vehicle")}, ("'lb'",)),
    Case("unit of a share", child("  collection: @@3 kt"), ("gives t", "plain number")),
    Case("NaN", child("  collection: {NA: @@.nan}"), ("nan",)),
    Case("infinite", child("  collection: {NO: @@.inf}"), ("inf",)),
    Case("infinite below zero", child("  collection: @@-.inf"), ("-inf",)),
    Case("text for a number", child("  collection: @@much"), ("'much'",)),
    Case("null value", child("  collection: {NA: @@null}"), ("nothing is written",)),
    Case("too large for a number", child("  sales: @@1e400 vehicle/yr"), ("inf",)),
    Case("list as law", child("  sales: {law: @@[logistic]}"), ("['logistic']", 'Did you mean "logistic"?')),
    Case("two rests", child("  mix: {NA: rest, NO: @@rest}"), ("'region'", "'rest'")),
    Case("path in an item file without years", {"materials/Li.yaml": ("1e-3", "@@{2000: 1 %, 2004: 2 %}")}, ("'year'",)),
    Case("no value after a label", child("  collection: {@@NA: , NO: 20 %}"), ("nothing is written",)),
    Case("no value after a name", child("  @@collection:\n  life: 3 yr"), ("nothing is written",)),
    Case("boolean value", child("  collection: {NA: @@true}"), ("True",)),
    Case("list as value", child("  collection: {NA: @@[1, 2]}"), ("[1, 2]",)),
    Case("empty mapping", child("  collection: @@{}"), ("empty mapping",)),
    Case("empty mapping for a label", child("  collection: {NA: @@{}}"), ("empty mapping",)),
    Case("element of another material", {"materials/Co.yaml": ("5 kg/vehicle", "@@5 kg LCE/vehicle")}, ("Li", "Co")),
    # bounds and shares
    Case("share over 1", child("  collection: @@120 %"), ("1.2", "bound 1")),
    Case("share over 1 for a label", child("  collection: {NA: 20 %, NO: @@1.25}"), ("1.25", "region=NO")),
    Case("shares do not sum to 1", child("  mix: {NA: @@30 %, NO: 60 %}"), ("0.9", "region")),
    Case("rest below zero", child("  mix: {NA: 130 %, NO: @@rest}"), ("-0.3", "region=NO")),
    Case("negative yield", {"materials/Li.yaml": ("1e-3", "@@-0.5")}, ("-0.5", "bound 0")),
    Case("yield above 1", {"materials/Co.yaml": ("90 %", "@@110 %")}, ("1.1", "bound 1")),
    Case("no value for a cell", {"materials/Co.yaml": ("content: 5 kg/vehicle\n", ""), SYSTEM: ("content: {dims", "content: @@{dims")}, ("material=Co",)),
    # tables
    Case("NaN in a table", in_table(("NA,120", "NA,@@nan")), ("'nan'",)),
    Case("infinite in a table", in_table(("NA,120", "NA,@@inf")), ("'inf'",)),
    Case("empty value in a table", in_table(("NA,120", "NA,@@")), ("''",)),
    Case("text in a number column", in_table(("NO,13", "NO,@@n/a")), ("'n/a'",)),
    Case("text in a quoted cell before it", in_table(("2003,NO,13", '"2003","NO",@@about 13')), ("'about 13'",)),
    Case("year that is no year", in_table(("2002,NO", "@@2002.5,NO")), ("'2002.5'",)),
    Case("year too large", in_table(("2004,NO", "@@99999999999999999999,NO")), ("99999999999999999999",)),
    Case("wrong unit in a table", in_table(("NO,12,vehicle", "NO,12,@@kWh")), ("'kWh/yr'",)),
    Case("unknown unit in a table", in_table(("NO,12,vehicle/yr", "NO,12,@@cars/yr")), ("'cars'",)),
    Case("gap in the years", {CSV: ("2002,NO,12,vehicle/yr\n", ""), BASE: ("sales: {table: data/sales.csv}", TABLE)}, ("region=NO", "2002")),
    Case("table ends before the run", {CSV: ("2004,NO,14,vehicle/yr\n", ""), BASE: ("sales: {table: data/sales.csv}", TABLE)}, ("region=NO", "2004")),
    Case("table starts after the run", {CSV: ("2000,NA,100,vehicle/yr\n", ""), BASE: ("sales: {table: data/sales.csv}", TABLE)}, ("region=NA", "2000")),
    Case("extra label in a table", in_table(("2004,NO,14", "2004,@@SE,14")), ("'SE'", "NA, NO")),
    Case("label in small letters", in_table(("2004,NO,14", "2004,@@no,14")), ("'no'", "NA, NO")),
    Case("unknown column", in_table(("year,region,value", "year,@@regoin,value")), ("'regoin'", 'mean "region"')),
    Case("column twice", in_table(("year,region,value", "@@year,region,year")), ("'year'",)),
    Case("row twice", in_table(("2004,NO,14", "@@2003,NO,14")), ("twice",)),
    Case("ragged row", in_table(("2004,NO,14,", "@@2004,NO,")), ("3 cells", "year, region, value, unit")),
    Case("missing table", {BASE: ("sales: {table: data/sales.csv}", "sales: {table: @@data/sale.csv}")}, ("data/sale.csv", "sales.csv")),
    Case("table that is a folder", {BASE: ("sales: {table: data/sales.csv}", "sales: {table: @@data}")}, ("folder",)),
    Case("empty table", {CSV: ""}, ("no rows",), (CSV, 1, 1)),
    Case("table with a header only", {CSV: "year,region,value,unit\n"}, ("no rows",), (CSV, 1, 1)),
    Case("no column of values", in_table(("year,region,value", "@@year,region,note")), ("'value'",)),
    Case("where names no column", child("  sales: {table: @@data/sales.csv, where: {path: high}}"), ("'path'",)),
    Case("where finds no row", child("  sales: {table: @@data/sales.csv, where: {region: SE}}"), ("'SE'", "NA, NO")),
    Case("where is no mapping", child("  sales: {table: data/sales.csv, where: @@NO}"), ("'where'",)),
    Case("unclosed quote in a table", in_table(("2004,NO,14", '@@"2004,NO,14')), ("CSV",)),
    # files and inheritance
    Case("missing parent", {BAD: ("inherits: base", "inherits: @@bse")}, ("bse.yaml", 'mean "base"')),
    Case("inherits in a circle", {BASE: "title: Base\ninherits: @@bad\n"}, ("bad → base → bad",)),
    Case("inherits itself", {BAD: ("inherits: base", "inherits: @@bad")}, ("bad → bad",)),
    Case("inherits and system", {BAD: ("inherits: base", "inherits: base\n@@system: systems/loop.yaml")}, ("'system'", "'inherits'")),
    Case("neither inherits nor system", {BAD: "title: Child\n"}, ("neither 'system' nor 'inherits'",), (BAD, 1, 1)),
    Case("no title", {BAD: "@@inherits: base\n"}, ("'title'",)),
    Case("missing system", {BASE: ("systems/loop.yaml", "@@systems/lop.yaml")}, ("systems/lop.yaml", "loop.yaml")),
    Case("missing lever", {BAD: ("[directive]", "[@@directve]")}, ("'directve'", 'mean "directive"')),
    Case("two levers on one cell", {BAD: ("[directive]", "[other, third]"), "levers/third.yaml": "title: Third\nset:\n  collection: {NO: @@60 %}\n"}, ("'other'", "'third'", "region=NO")),
    Case("replace and scale levers", {BAD: ("[directive]", "[directive, other]"), "levers/other.yaml": ("70 %", "@@70 %")}, ("'directive' (scale", "'other' (replace)")),
    Case("parent outside the folder", {BAD: ("inherits: base", "inherits: @@../base")}, ("'../base.yaml'", "outside")),
    Case("table outside the folder", child("  sales: {table: @@../sales.csv}"), ("'../sales.csv'", "outside")),
    Case("system outside the folder", {BASE: ("systems/loop.yaml", "@@../loop.yaml")}, ("'../loop.yaml'", "outside")),
    Case("lever outside the folder", {BAD: ("[directive]", "[@@../../away]")}, ("../../away", "outside")),
    Case("lever twice", {BAD: ("[directive]", "[directive, @@directive]")}, ("'directive'", "twice")),
    Case("lever that is a folder", {BAD: ("[directive]", "[@@odd]"), "levers/odd.yaml/x": ""}, ("folder",)),
    Case("label that leads outside", in_system(("  end: [cars, buses]", "  end: @@['../../cars', buses]")), ("../../cars", "outside")),
    Case("system that is a folder", {BASE: ("systems/loop.yaml", "@@systems")}, ("systems",)),
    Case("name that no file can have", {BAD: ("inherits: base", 'inherits: @@"a\\0b"')}, ("cannot be the name",)),
    Case("name that is too long", {BAD: ("inherits: base", f"inherits: @@{'x' * 5000}")}, ("xxx", "cannot be the name")),
    Case("table with an impossible name", child('  sales: {table: @@"a\\0b"}'), ("cannot be the name",)),
    Case("years without end", {BASE: ("[2000, 2004]", "[2000, @@2000000000]")}, ("2000000000",)),
    Case("years reversed", {BASE: ("years: [2000, 2004]", "years: @@[2004, 2000]")}, ("2000", "2004")),
    Case("years as text", {BASE: ("years: [2000, 2004]", "years: [2000, @@soon]")}, ("'soon'",)),
    Case("one year only", {BASE: ("years: [2000, 2004]", "years: @@[2000]")}, ("years",)),
    Case("no years", {BASE: ("years: [2000, 2004]\n", "")}, ("'years'",), (BASE, 1, 1)),
    Case("report_from outside", {BASE: ("report_from: 2001", "report_from: @@1990")}, ("1990", "2000–2004")),
    Case("set is a list", {BAD: "title: Child\ninherits: base\nset: @@[1]\n"}, ("set",)),
    Case("set is empty", {BAD: "title: Child\ninherits: base\n@@set:\n"}, ("set",)),
    # forms
    Case("unknown law", child("  sales: {law: @@logstic, saturation: 9 vehicle/yr}"), ("'logstic'", 'mean "logistic"')),
    Case("unknown field of a law", child("  sales: {law: logistic, @@midpont: 2030}"), ("'midpont'", 'mean "midpoint"')),
    Case("law without a field", child("  sales: @@{law: growth, start: 2000, level: 9 vehicle/yr}"), ("'growth'", "'rate'")),
    Case("field of a value that is no law", child("  collection: {@@midpoint: 2030}"), ("'midpoint'",)),
    Case("path without years", child("  life: @@{2000: 3 yr, 2004: 4 yr}"), ("'year'",)),
    Case("scale with nothing to scale", {BASE: ("  mix: {NA: 30 %, NO: rest}\n", ""), BAD: "title: Child\ninherits: base\nset:\n  mix: @@{scale: 2}\n"}, ("no inherited value", "scale")),
    Case("scale and add", child("  collection: @@{scale: 2, add: 0.1}"), ("'scale' and 'add'",)),
    Case("rest without siblings", child("  life: @@rest"), ("'rest'",)),
    Case("two distributions", child("  life: {value: 3 yr, uniform: [2 yr, 4 yr], @@normal: [3 yr, 1 yr]}"), ("uniform and normal",)),
    Case("distribution of one number", child("  life: {value: 3 yr, uniform: @@[2 yr]}"), ("'uniform'", "2 numbers")),
    Case("unknown join", child("  sales: {observed: {table: data/sales.csv}, then: 9 vehicle/yr, join: @@ratoi}"), ("'ratoi'", 'mean "ratio"')),
    Case("observed without then", child("  sales: @@{observed: {table: data/sales.csv}}"), ("'then'",)),
    Case("until is no year", child("  sales: {observed: {table: data/sales.csv}, then: 9 vehicle/yr, until: @@soon}"), ("'soon'",)),
    # systems
    Case("flow claimed twice", in_system(("  mine: {rule: source}", "  mine: {rule: source, gives: flow, to: use}"), ("parameters:\n", "parameters:\n  flow: {dims: [year, region, material], unit: t/yr, default: 1 t/yr}\n"), ("    from: metal", "    from: @@mine"), ("metal: {rule: market, from: [recycle, mine], surplus_to: landfill}", "metal: {rule: sink}")), ("'mine_to_use'", "twice")),
    Case("flow nobody computes", in_system(("  landfill: {rule: sink}", "  landfill: {rule: sink}\n  @@dump: {rule: sink, from: mine}")), ("'mine_to_dump'", "nobody")),
    Case("process that does not exist", in_system(("    to: collect", "    to: @@colect")), ("'colect'", 'mean "collect"')),
    Case("share to a process that does not exist", in_system(("{recycle: collection, landfill: rest}", "{recycle: collection, @@landfil: rest}")), ("'landfil'", 'mean "landfill"')),
    Case("process that nothing reaches", in_system(("  landfill: {rule: sink}", "  landfill: {rule: sink}\n  @@shop: {rule: sink}")), ("'shop'", "connected to nothing")),
    Case("process that sends to itself", in_system(("    to: collect", "    to: @@use")), ("'use'", "itself")),
    Case("unknown rule", in_system(("mine: {rule: source}", "mine: {rule: @@sorce}")), ("'sorce'", 'mean "source"')),
    Case("process without a rule", in_system(("  mine: {rule: source}", "  @@mine: {to: metal}")), ("'mine'", "rule")),
    Case("unknown parameter in a process", in_system(("inflow: sales", "inflow: @@sale")), ("'sale'", 'mean "sales"')),
    Case("unknown parameter in shares", in_system(("recycle: collection", "recycle: @@collectin")), ("'collectin'", 'mean "collection"')),
    Case("unknown dimension of a parameter", in_system(("sales: {dims: [year, region]", "sales: {dims: [year, @@regon]")), ("'regon'", 'mean "region"')),
    Case("unknown dimension of a process", in_system(("    inflow: sales", "    at: {@@colour: red}\n    inflow: sales")), ("'colour'", "region")),
    Case("unknown label of a process", in_system(("    inflow: sales", "    at: {end: @@car}\n    inflow: sales")), ("'car'", 'mean "cars"')),
    Case("conserved dimension that is not there", in_system(("conserves: material", "conserves: @@metal")), ("'conserves'", "material")),
    Case("dimension without item files", in_system(("end: [cars, buses]", "end: @@all")), ("'end'", "ends/*.yaml")),
    Case("label twice", in_system(("end: [cars, buses]", "end: @@[cars, cars]")), ("'cars'", "twice")),
    Case("unknown unit of a parameter", in_system(("unit: kg/vehicle", "unit: @@kg/car")), ("'car'",)),
    Case("driver in the wrong unit", in_system(("inflow: sales", "inflow: @@sales * life")), ("sales * life", "t/yr")),
    Case("loop through a market", in_system(("    to: collect", "    to: landfill"), ("  metal: {rule: market", "  @@metal: {rule: market"), ("from: [recycle, mine], surplus_to: landfill", "from: [recycle, mine], surplus_to: collect")), ("'metal'", "loop")),
    Case("loop that nothing drives", in_system(("  landfill: {rule: sink}", "  landfill: {rule: sink}\n  @@a: {rule: split, shares: {b: rest}}\n  b: {rule: split, shares: {a: rest}}")), ("nothing drives",)),
    Case("dimensions added without matching", in_system(("    inflow: sales", "    inflow: sales * size"), ("  life:", "  size: {dims: [end], unit: \"1\", default: 1}\n  life:"), ("  recycle: {rule: split, shares: {metal: recovery, landfill: rest}}", "  recycle: {rule: split, shares: {metal: recovery, landfill: rest}}\n  pit: {rule: stock, from: hole, to: collect, inflow: dug, lifetime: {law: fixed, mean: life}}\n  hole: {rule: source}"), ("parameters:\n", "parameters:\n  dug: {dims: [year, region, material], unit: t/yr, default: 1 t/yr}\n"), ("  collect: {", "  @@collect: {")), ("end", "without matching")),
    # values whose reason lies in another file, another row or another year
    Case("rest of a parent below zero", child("  mix: {NA: @@130 %}"), ("the rest at region=NO is -0.3", "sum to 1.3")),
    Case("years that a parent's table lacks", {BAD: "title: Child\ninherits: base\nyears: @@[2000, 2006]\n"}, ("sales: with the years 2000–2006", "2005–2006", "base.yaml:6:18")),
    Case("years before a parent's report", {BASE: ("report_from: 2001", "report_from: 2001"), BAD: "title: Child\ninherits: base\nyears: @@[2002, 2004]\n"}, ("leave out 'report_from' 2001 (base.yaml:4:14)",)),
    Case("nothing observed in the years of a child", {BASE: ("sales: {table: data/sales.csv}", "sales: {observed: {table: data/sales.csv}, then: 9 vehicle/yr}"), BAD: "title: Child\ninherits: base\nyears: @@[2010, 2012]\nreport_from: 2010\n"}, ("with the years 2010–2012", "nothing is observed", "base.yaml:6:10")),
    Case("row below zero", in_table(("2002,NO,12", "2002,NO,@@-2")), ("-2 vehicle/yr at region=NO, year=2002 is below its bound 0 vehicle/yr",)),
    Case("row below zero, held", {BASE: ("sales: {table: data/sales.csv}", "sales: {table: data/sales.csv, before: hold}"), CSV: [("2000,NO,10,vehicle/yr\n", ""), ("2001,NO,11", "2001,NO,@@-2")]}, ("year=2000",)),
    Case("row below zero of a history", {BASE: ("sales: {table: data/sales.csv}", "sales: {observed: {table: data/sales.csv}, then: 9 vehicle/yr, until: 2003}"), CSV: ("2002,NO,12", "2002,NO,@@-2")}, ("year=2002",)),
    Case("year of a path over 1", child("  collection: {2000: 50 %, 2003: @@120 %, 2010: 1}"), ("1.2 at region=NA, year=2003 is above its bound 1",)),
    Case("year of a path for a label over 1", child("  collection: {NA: 1, NO: {value: {2000: 50 %, 2003: @@120 %}, reason: none}}"), ("1.2 at region=NO, year=2003",)),
    Case("scaled over 1", child("  collection: {NA: @@{scale: 9}}"), ("4.5 at region=NA, year=2004",)),
    Case("negative flow without a bound", {SYSTEM: [("unit: vehicle/yr, min: 0", "unit: vehicle/yr")], CSV: ("2002,NO,12", "2002,NO,@@-2")}, ("'inflow' of process 'use'", "turn the arrow round")),
    Case("new material without rows", {"materials/Zn.yaml": "title: Zinc\ncontent: {table: @@data/content.csv}\nrecovery: 1\n", "data/content.csv": "material,value,unit\nLi,4,kg/vehicle\n"}, ("'data/content.csv' has no row for material=Zn", "in the table: Li")),
    Case("labels that only apart are in a table", child("  collection: {NO: {table: @@data/c.csv, where: {case: a}}}") | {"data/c.csv": "case,region,value\na,NA,1\nb,NO,1\n"}, ("no row for these labels together",)),
    # labels that nothing knows
    Case("unknown label instead of all", child("  collection: {@@Norway: 20 %}"), ("no label 'Norway'", "labels of region: NA, NO")),
    Case("unknown label below a label", {"materials/Li.yaml": ("title: Lithium", "title: Lithium\nwhere_from: {@@NAN: 1}"), SYSTEM: ("  life:", "  where_from: {dims: [region, material], unit: 1}\n  life:")}, ("no label 'NAN'", 'mean "NA"')),
    Case("share of a recipe below zero", {SYSTEM: [("  recycle: {rule: split", "  @@recycle: {rule: split"), ("  recovery: {dims: [material], unit: \"1\", min: 0, max: 1}", "  recovery: {dims: [material], unit: \"1\"}")], "materials/Co.yaml": ("90 %", "-90 %")}, ("its share for 'metal' is -0.9 at material=Co; ",)),
    Case("stock that gets its shares wrong", {SYSTEM: [("  collect: {rule: split, shares: {recycle: collection, landfill: rest}}", "  @@collect: {rule: split, shares: {recycle: collection, landfill: collection}}")]}, ("its shares sum to 1.2 at region=NO, year=2000; make one of them 'rest'",)),
    # ranges
    Case("range upside down", {"materials/Co.yaml": ("90 %", "{value: 0.9, triangular: [@@0.95, 0.85]}")}, ("0.95 to 0.85 is inverted",)),
    Case("value outside its range", {"materials/Co.yaml": ("90 %", "{value: 0.5, uniform: [@@0.8, 0.95]}")}, ("the value 0.5 lies outside its range 0.8 to 0.95",)),
    Case("factors that leave out 1", {"materials/Co.yaml": ("5 kg/vehicle", "{value: 5 kg/vehicle, uniform: [@@1.1, 1.3]}")}, ("the factor 1",)),
    Case("range in two units", {"materials/Co.yaml": ("5 kg/vehicle", "{value: 5 kg/vehicle, uniform: [@@4 kg/vehicle, 6 kg/kWh]}")}, ("t/vehicle and t/kWh",)),
    Case("no deviation", {"materials/Co.yaml": ("90 %", "{value: 0.5, normal: [0.5, @@0]}")}, ("'normal': 0 must be above 0",)),
    # files of another kind, tables with other separators
    Case("system run as a scenario", {BAD: "title: System\nprocesses: {}\nconserves: material\n"}, ("this file is a system, not a scenario",), (BAD, 1, 1)),
    Case("table with semicolons", {CSV: "year;region;value;unit\n2000;NA;1;vehicle/yr\n"}, ("semicolons", "commas"), (CSV, 1, 1)),
    Case("table with tabs", {CSV: "year\tregion\tvalue\tunit\n2000\tNA\t1\tvehicle/yr\n"}, ("tabs", "commas"), (CSV, 1, 1)),
    Case("table without a header", {CSV: "2000,NA,100,vehicle/yr\n2001,NA,110,vehicle/yr\n"}, ("the first row names the columns",), (CSV, 1, 1)),
    # keys of another kind
    Case("list for a mapping", {BAD: "title: Child\ninherits: base\nset: @@[1]\n"}, ("set: this is a mapping of names, not [1]",)),
    Case("three years", {BASE: ("[2000, 2004]", "@@[2000, 2002, 2004]")}, ("the list has 3 entries, it takes 2",)),
    Case("number for a recipe", in_system(("{rule: market, from: [recycle, mine], surplus_to: landfill}", "{rule: make, from: @@[1], loss_to: landfill}")), ("this is a text or a mapping of names, not [1]",)),
    Case("unknown choice", in_system(("mean: life}", "mean: life, inflow_at: @@midle}")), ("'midle' is no choice", 'mean "middle"')),
    Case("loss to the sink that asks", in_system(("  landfill: {rule: sink}", "  landfill: {rule: sink}\n  alloy: {rule: make, from: mine, yield: recovery, loss_to: @@used}\n  used: {rule: sink, takes: dug, from: alloy}"), ("  life:", "  dug: {dims: [material], unit: t/yr, default: 1 t/yr}\n  life:")), ("'alloy' sends its loss to 'used'", "a process of its own")),
    # names that would stand for two things in a result
    Case("parameter with the name of a flow", in_system(("  life:", "  @@mine_to_metal: {unit: t/yr, default: 1 t/yr}\n  life:")), ("the parameter 'mine_to_metal'", "the flow from 'mine' to 'metal'")),
    Case("parameter with the name of a stock", in_system(("  life:", "  @@use_stock: {unit: t, default: 1 t}\n  life:")), ("the parameter 'use_stock'", "the stock of process 'use'")),
    Case("parameter with the name of a dimension", in_system(("  life:", "  @@region: {default: 1}\n  life:")), ("the parameter 'region'", "the dimension 'region'")),
    *(
        Case(f"parameter named {name}", in_system(("  life:", f"  @@{name}: {{default: 1}}\n  life:")), (f"the parameter '{name}'", what))
        for name, what in (("year", "every result"), ("sample", "every result"), ("scenario", "every result"), ("cohort", "every result"), ("age", "every result"), ("title", "the title"), ("about", "the description"))
    ),
    Case("two flows of one name", in_system(("  landfill: {rule: sink}", "  landfill: {rule: sink}\n  a: {rule: source, gives: dug, to: b_to_c}\n  b_to_c: {rule: sink}\n  a_to_b: {rule: source, gives: dug, to: @@c}\n  c: {rule: sink}"), ("  life:", "  dug: {unit: t/yr, default: 1 t/yr}\n  life:")), ("from 'a_to_b' to 'c'", "from 'a' to 'b_to_c'", "'a_to_b_to_c'")),
    # systems that are too small, too large or hold numbers
    Case("no labels", in_system(("end: [cars, buses]", "end: @@[]")), ("'end'", "no labels")),
    Case("text for labels", in_system(("end: [cars, buses]", "end: @@none")), ("'none'", "as a list", "all")),
    Case("labels of another kind", in_system(("end: [cars, buses]", "end: [1, @@2.5, buses]")), ("2.5 is not a label",)),
    Case("dimension that is empty", in_system(("end: [cars, buses]", "@@end:")), ("'end'", "as a list")),
    Case("no processes", {SYSTEM: "title: Nothing\nprocesses: @@{}\n", BASE: "title: Base\nsystem: systems/loop.yaml\nyears: [2000, 2004]\n", BAD: "title: Child\ninherits: base\n"}, ("no processes",)),
    Case("number in a system", in_system(("recycle: collection", "recycle: @@90 %")), ("'90 %'", "a system holds no numbers", "default")),
    Case("supplier twice", in_system(("from: [recycle, mine], surplus_to", "from: @@[recycle, recycle, mine], surplus_to")), ("'recycle' twice",)),
    Case("item file that is not read", {"materials/Zn.yml": "title: Zinc\n", SYSTEM: ("material: all", "material: @@all")}, ("materials/Zn.yml", "Zn.yaml")),
    Case("two strokes in a unit", in_system(("unit: vehicle/yr", "unit: @@vehicle//yr")), ("'vehicle//yr'",)),
    Case("parameter that fits in no memory", in_system(("  end: [cars, buses]", f"  end: [{', '.join(f'e{i}' for i in range(200))}]\n  b: {{like: end}}\n  c: {{like: end}}\n  d: {{like: end}}\n  e: {{like: end}}"), ("  life:", "  huge: @@{dims: [end, b, c, d, e], default: 1}\n  life:")), ("320,000,000,000 cells", "end 200 × b 200", "2,384 GiB")),
    # files that are no YAML, or too much of it
    Case("another YAML", {BAD: "%YAML 1.1\n---\ntitle: Child\ninherits: base\n"}, ("YAML 1.2", "NO is Norway"), (BAD, 1, 1)),
    Case("indentation by tabs", {BAD: "title: Child\ninherits: base\nset:\n@@\tcollection: 20 %\n"}, ("tab",)),
    Case("empty file", {BAD: ""}, ("empty",), (BAD, 1, 1)),
    Case("comments only", {BAD: "# nothing\n"}, ("empty",), (BAD, 1, 1)),
    Case("list at the top", {BAD: "- title: Child\n"}, ("a list, not a mapping",), (BAD, 1, 1)),
    Case("text at the top", {BAD: "just words\n"}, ("mapping",), (BAD, 1, 1)),
    Case("not UTF-8", {BAD: b"title: Child\ninherits: base\nabout: caf\xe9\n"}, ("0xe9", "UTF-8"), (BAD, 3, 11)),
    Case("table not UTF-8", {CSV: b"year,region,value,unit\n2000,N\xc9,1,vehicle/yr\n"}, ("0xc9",), (CSV, 2, 7)),
    Case("binary file", {BAD: b"\x89PNG\r\n\x1a\n\x00\x00\x00"}, ("0x89", "UTF-8"), (BAD, 1, 1)),
    Case("control character", {BAD: b"title: a\x00b\n"}, ("not allowed",), (BAD, 1, 9)),
    Case("unclosed bracket", {BAD: "title: Child\ninherits: base\nlevers: [directive\nset@@: {}\n"}, ("cannot be read",)),
    Case("unclosed brace", child("  collection: {NA: 20 %").copy(), ("cannot be read",), (BAD, 5, 1)),
    Case("recursive alias", child("  collection: &c {NA: *c}"), ("alias",), (BAD, 4, 15)),
    Case("alias that is not there", child("  collection: @@*c"), ("cannot be read", "'c'")),
    Case("huge alias expansion", {BAD: f"title: Child\ninherits: base\nset:\n  b0: @@&b0 [1, 2, 3]\n{ALIASES}"}, ("200,000",)),
]  # fmt: skip

AS_A_PROCESS = ("misspelt parameter", "NaN in a table", "loop through a market", "binary file")


# ------------------------------------------------------------------ running


def write(folder: Path, changes: dict[str, Change]) -> tuple[str, int, int] | None:
    """Write the good folder with changes; return the place that is marked in them."""
    marked: list[tuple[str, int, int]] = []
    for name in sorted({*GOOD, *changes}):
        content: str | bytes | None = GOOD.get(name)
        change = changes.get(name, content)
        if isinstance(change, tuple | list):
            for old, new in [change] if isinstance(change, tuple) else change:
                assert isinstance(content, str)
                assert content.count(old) == 1, (
                    f"{old!r} stands {content.count(old)} times in {name}"
                )
                content = content.replace(old, new)
        else:
            content = change
        path = folder / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        if isinstance(content, str) and MARK in content:
            before, after = content.split(MARK)
            marked.append((name, before.count("\n") + 1, len(before) - before.rfind("\n")))
            content = before + after
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert len(marked) <= 1
    return marked[0] if marked else None


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the time of change of every file in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in [folder, *folder.rglob("*")]
    }


def run(*arguments: str) -> tuple[int, str]:
    """Call the command line in this process; return the exit code and all that it printed."""
    result = CliRunner().invoke(main, ["run", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def run_apart(*arguments: str) -> tuple[int, str]:
    """Call the installed command in a process of its own."""
    command = Path(sys.executable).with_name("mfa.exe" if os.name == "nt" else "mfa")
    done = subprocess.run(
        [command, "run", *arguments], capture_output=True, text=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the good folder: what a run would replace."""
    folder = tmp_path_factory.mktemp("earlier")
    write(folder, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code, output = run(BAD, "-o", "results")
    assert code == 0, output
    return folder / "results"


@pytest.fixture
def folder(tmp_path: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder that holds an earlier result of the same scenario."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(earlier, tmp_path / "results")
    (tmp_path / "results" / "notes.txt").write_text("keep me\n", encoding="utf-8")
    return tmp_path


def refused(folder: Path, case: Case, command=run) -> None:
    """Check exit code, place and message of a case, and that nothing was written."""
    place = write(folder, case.changes) or case.at
    assert place is not None, "the case has neither a mark nor a place"
    before = snapshot(folder)
    code, output = command(BAD, "-o", "results")
    assert code == 2, output
    assert "Traceback" not in output
    where = "{}:{}:{}: ".format(*place)
    lines = output.splitlines()
    found = [line for line in lines if line.startswith(where)]
    assert found, f"no line starts with {where!r}:\n{output}"
    for fragment in case.says:
        assert any(fragment in line for line in found), f"{fragment!r} is not in:\n{output}"
    assert snapshot(folder) == before


# -------------------------------------------------------------------- tests


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_is_refused_with_its_place(case: Case, folder: Path) -> None:
    refused(folder, case)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in AS_A_PROCESS], ids=AS_A_PROCESS)
def test_installed_command_refuses(case: Case, folder: Path) -> None:
    refused(folder, case, run_apart)


def test_names_of_the_cases_differ() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert set(AS_A_PROCESS) <= set(names)


def test_hidden_files_are_no_items(folder: Path) -> None:
    """An editor's lock file beside the items is no material, and nobody's hint."""
    write(folder, {"materials/.#Co.yaml": "no: yaml: at all\n", "levers/.dirctive.yaml": "x"})
    assert run(BAD, "-o", "out")[0] == 0
    write(folder, {BAD: ("[directive]", "[dirctive]")})
    code, output = run(BAD, "-o", "out")
    assert code == 2
    assert "(levers: directive, other)" in output


def test_all_that_is_wrong_in_a_table_is_named_together(folder: Path) -> None:
    write(folder, in_table(("NA,110,vehicle/yr", "NA,eleven,vehicle/yr"), ("2002,NO,12,vehicle", "2002,SE,12,vehicle"), ("2003,NO,13,vehicle/yr", "2003,NO,13,kg/yr"), ("2004,NO", "soon,NO")))  # fmt: skip
    code, output = run(BAD, "-o", "results")
    assert code == 2
    places = [line.partition(": ")[0] for line in output.splitlines()]
    assert places == [f"{CSV}:3:9", f"{CSV}:9:6", f"{CSV}:10:12", f"{CSV}:11:1"]


def test_every_value_that_is_out_of_bounds_is_named(folder: Path) -> None:
    write(folder, child("  collection: {NA: 120 %, NO: 130 %}"))
    code, output = run(BAD, "-o", "results")
    assert code == 2
    assert [line.partition(": ")[0] for line in output.splitlines()] == [
        f"{BAD}:4:20",
        f"{BAD}:4:31",
    ]


def test_a_set_on_the_command_line_is_blamed_for_what_it_changes(folder: Path) -> None:
    law = "  sales: {law: logistic, saturation: 9 vehicle/yr, midpoint: 2002, rate: 1 1/yr}"
    write(folder, child(law))
    code, output = run(BAD, "-o", "results", "--set", "sales={saturation: -9 vehicle/yr}")
    assert code == 2
    assert output.startswith("--set sales={saturation: -9 vehicle/yr}:1:"), output


def test_a_lever_is_no_scenario(folder: Path) -> None:
    write(folder, {})
    code, output = run("levers/directive.yaml")
    assert code == 2
    assert output.splitlines() == [
        "levers/directive.yaml:1:1: this file is a lever, not a scenario; name it in a scenario: "
        "'levers: [directive]'"
    ]


def test_a_material_is_no_scenario(folder: Path) -> None:
    write(folder, {})
    code, output = run("materials/Co.yaml")
    assert code == 2
    assert output.splitlines() == [
        "materials/Co.yaml:1:1: this file is an item of the folder materials/, not a scenario; "
        "every scenario beside it reads it"
    ]


def test_two_settings_of_one_value_are_refused(folder: Path) -> None:
    write(folder, {})
    one = ("--set", "collection={NA: 0.1}")
    code, output = run(BAD, "-o", "out", *one, "--set", "collection=0.2")
    assert code == 2
    assert "'--set collection={NA: 0.1}' before it sets the same cells; keep one" in output
    code, output = run(BAD, "-o", "out", *one, "--set", "collection={NO: 0.2}")
    assert code == 0, output
    code, output = run(BAD, "-o", "out2", *one, "--set", "collection={NA: {scale: 2}}")
    assert code == 0, output


def test_two_mistakes_are_named_together(folder: Path) -> None:
    write(folder, child("  colection: 20 %\n  sales: 4 lb"))
    code, output = run(BAD, "-o", "results")
    assert code == 2
    assert f"{BAD}:4:3: " in output
    assert f"{BAD}:5:10: " in output


def test_one_bad_file_beside_a_good_one_writes_nothing(folder: Path) -> None:
    write(folder, child("  collection: 120 %"))
    before = snapshot(folder)
    code, output = run(BASE, BAD, "-o", "results")
    assert code == 2, output
    assert snapshot(folder) == before


def test_good_run_after_a_bad_one(folder: Path) -> None:
    write(folder, child("  collection: 120 %"))
    assert run(BAD, "-o", "out")[0] == 2
    assert not (folder / "out").exists()
    write(folder, {})
    code, output = run(BAD, BASE, "-o", "out")
    assert code == 0, output
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["bad", "base"]


def test_country_codes_and_small_numbers_survive(folder: Path) -> None:
    """``NA`` is Namibia, ``NO`` is Norway, ``1e-3`` is a number."""
    import mfa

    write(folder, {})
    result = mfa.run(mfa.read_scenario(BAD))
    assert result["region"].values.tolist() == ["NA", "NO"]
    assert result["sales"].sel(year=2004, region="NA").item() == 140.0
    assert result["sales"].sel(year=2004, region="NO").item() == 14.0
    assert result["collection"].sel(year=2000, region="NA").item() == pytest.approx(0.2, abs=0)
    assert result["collection"].sel(year=2000, region="NO").item() == pytest.approx(0.6, rel=1e-15)
    assert result["recovery"].sel(material="Li").item() == 1e-3
    assert run(BAD, "-o", "out")[0] == 0
    saved = mfa.load(folder / "out" / "bad")
    assert saved["region"].values.tolist() == ["NA", "NO"]
    assert saved["recovery"].sel(material="Li").item() == 1e-3


@pytest.mark.parametrize("written", ["1e-3", "1E-3", "0.1 %", "1_000e-6", "'1e-3'", "0.001"])
def test_ways_to_write_a_small_number(written: str, folder: Path) -> None:
    import mfa

    write(folder, {"materials/Li.yaml": ("recovery: 1e-3", f"recovery: {written}")})
    assert mfa.run(mfa.read_scenario(BAD))["recovery"].sel(material="Li").item() == pytest.approx(
        1e-3, rel=1e-15
    )
