"""The laws as a fit sees them: scaled, in parameters without bounds of sign, with derivatives.

Every law works on u = (x − shift) / width (of ln x on the log scale) and on
y / level, so that one set of starts and bounds serves tonnes and kilograms.
Its working parameters, by kind:

======  ====================================  ==============================
kind    natural parameter                     working parameter
======  ====================================  ==============================
level   saturation, market                    ln(K / level)
place   midpoint, start                       (x₀ − shift) / width
rate    rate, innovation, …                   ln(r · width)
shape   asymmetry                             ln ν
share   decline                               ln(d / (1 − d))
gap     decline_from                          ln((x₁ − x₀) / width)
effect  of a covariate on ln K                b · standard deviation
======  ====================================  ==============================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfa.demand import diffusion, growth_laws
from mfa.demand.growth_laws import LARGEST
from mfa.errors import MfaError, known

Columns = list[Any]


@dataclass(frozen=True)
class Curve:
    """A law for fits: parameter names and kinds, values with derivatives.

    ``turn`` tells its turning point, as u, from working parameters (…, parameter).
    """

    law: Callable[..., Any]
    kinds: Mapping[str, str]
    evaluate: Callable[[Any, Columns], tuple[Any, Columns]]
    level: str | None
    by_age: bool = False
    turn: Callable[[Any], Any] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.kinds)

    @property
    def key(self) -> str:
        """The parameter whose relative error decides whether a fit is identified."""
        return self.level or "rate"


def _logistic(u: Any, columns: Columns) -> tuple[Any, Columns]:
    level, place, rate = columns
    speed, top = np.exp(rate), np.exp(level)
    back = place - u
    back *= speed
    value = np.minimum(back, LARGEST)
    np.exp(value, out=value)
    value += 1.0
    np.divide(top, value, out=value)
    falls = value / top
    falls -= 1.0
    falls *= value
    back *= falls
    falls *= speed
    return value, [value, falls, back]


def _gompertz(u: Any, columns: Columns) -> tuple[Any, Columns]:
    level, place, rate = columns
    speed = np.exp(rate)
    z = np.maximum((u - place) * speed, -30.0)
    left = np.exp(-z)
    value = np.exp(level - left)
    by_z = value * left
    return value, [value, -speed * by_z, z * by_z]


def _richards(u: Any, columns: Columns) -> tuple[Any, Columns]:
    level, place, rate, shape = columns
    speed, bend = np.exp(rate), np.exp(shape)
    z = np.maximum((u - place) * speed, -30.0)
    left = np.exp(-z)
    logs = np.log1p(bend * left) / bend
    value = np.exp(level - logs)
    by_z = value * left / (1.0 + bend * left)
    return value, [value, -speed * by_z, z * by_z, value * logs - by_z]


def _modified_exponential(u: Any, columns: Columns) -> tuple[Any, Columns]:
    level, place, rate = columns
    speed, top = np.exp(rate), np.exp(level)
    z = np.maximum((u - place) * speed, 0.0)
    value = -top * np.expm1(-z)
    by_z = top * np.exp(-z) * (z > 0)
    return value, [value, -speed * by_z, z * by_z]


def _rise_and_decline(u: Any, columns: Columns) -> tuple[Any, Columns]:
    *rising, share, loss, gap = columns
    value, (_, by_place, by_rate) = _logistic(u, rising)
    part, speed, distance = 1.0 / (1.0 + np.exp(-share)), np.exp(loss), np.exp(gap)
    past = np.maximum(u - rising[1] - distance, 0.0)
    gone = -np.expm1(-speed * past)
    kept = 1.0 - part * gone
    by_past = -value * part * speed * (1.0 - gone) * (past > 0)
    return value * kept, [
        value * kept,
        by_place * kept - by_past,
        by_rate * kept,
        -value * part * (1.0 - part) * gone,
        by_past * past,
        -by_past * distance,
    ]


def _bass(u: Any, columns: Columns) -> tuple[Any, Columns]:
    own, others, level = columns
    p, q, top = np.exp(own), np.exp(others), np.exp(level)
    ratio, time = q / p, np.maximum(u, 0.0)
    left = np.exp(-np.minimum((p + q) * time, LARGEST))
    under = 1.0 + ratio * left
    value = top * (1.0 - left) / under
    by_time = top * (1.0 + ratio) * left * time / under**2
    by_ratio = -top * (1.0 - left) * left / under**2 * ratio
    return value, [by_time * p - by_ratio, by_time * q + by_ratio, value]


def _fisher_pry(u: Any, columns: Columns) -> tuple[Any, Columns]:
    value, (_, by_place, by_rate) = _logistic(u, [np.zeros_like(columns[0]), *columns])
    return value, [by_place, by_rate]


def _midpoint(working: Any) -> Any:
    return working[..., 1]


def _bass_peak(working: Any) -> Any:
    own, others = working[..., 0], working[..., 1]
    return np.maximum(others - own, 0.0) / (np.exp(own) + np.exp(others))


_S = {"saturation": "level", "midpoint": "place", "rate": "rate"}

CURVES: dict[str, Curve] = {
    "logistic": Curve(growth_laws.logistic, _S, _logistic, "saturation", turn=_midpoint),
    "gompertz": Curve(growth_laws.gompertz, _S, _gompertz, "saturation", turn=_midpoint),
    "richards": Curve(
        growth_laws.richards,
        _S | {"asymmetry": "shape"},
        _richards,
        "saturation",
        turn=_midpoint,
    ),
    "modified_exponential": Curve(
        growth_laws.modified_exponential,
        {"saturation": "level", "start": "place", "rate": "rate"},
        _modified_exponential,
        "saturation",
    ),
    "rise_and_decline": Curve(
        growth_laws.rise_and_decline,
        _S | {"decline": "share", "decline_rate": "rate", "decline_from": "gap"},
        _rise_and_decline,
        "saturation",
        turn=_midpoint,
    ),
    "bass": Curve(
        diffusion.bass,
        {"innovation": "rate", "imitation": "rate", "market": "level"},
        _bass,
        "market",
        by_age=True,
        turn=_bass_peak,
    ),
    "fisher_pry": Curve(
        diffusion.fisher_pry, {"midpoint": "place", "rate": "rate"}, _fisher_pry, None
    ),
}
"""The laws that can be fitted, by name."""

BOX: dict[str, tuple[float, float, float, float]] = {
    "level": (np.log(0.3), np.log(0.8), np.log(4.0), np.log(1000.0)),
    "place": (-20.0, -0.3, 1.6, 50.0),
    "rate": (np.log(1e-3), np.log(0.8), np.log(30.0), np.log(1e3)),
    "shape": (np.log(1e-2), np.log(0.2), np.log(5.0), np.log(50.0)),
    "share": (-7.0, -2.0, 2.0, 7.0),
    "gap": (np.log(1e-3), np.log(0.05), np.log(0.8), np.log(20.0)),
    "effect": (-5.0, 0.0, 0.0, 5.0),
}
"""For each kind: lower bound, range of starts, upper bound, in working parameters."""


def curve_of(law: str | Callable[..., Any]) -> tuple[str, Curve]:
    """Return the name and the curve of a law, told by its name or its function."""
    name = law if isinstance(law, str) else getattr(law, "__name__", str(law))
    if name not in CURVES:
        raise MfaError(f"law {name!r} cannot be fitted. {known(name, CURVES, 'laws')}")
    return name, CURVES[name]


@dataclass(frozen=True)
class Scaling:
    """u = (x − shift) / width, of ln x on the log scale; y in units of ``level``."""

    scale: str
    shift: float
    width: float
    level: float

    @classmethod
    def over(cls, curve: Curve, scale: str, x: Any, y: Any) -> Scaling:
        """Choose the scaling from the data: u runs from 0 to 1, |y| up to 1."""
        at = growth_laws.axis(x, scale)
        low, high = float(np.min(at)), float(np.max(at))
        shift = 0.0 if curve.by_age else low
        level = float(np.max(np.abs(y))) if curve.level else 1.0
        if not high > low or not level > 0:
            what = "x does not vary" if not high > low else "all y are 0"
            raise MfaError(f"nothing can be fitted: {what}")
        return cls(scale, shift, high - shift, level)

    def inside(self, x: Any) -> Any:
        return (growth_laws.axis(np.asarray(x, dtype=float), self.scale) - self.shift) / self.width

    def _place(self, u: Any) -> Any:
        return growth_laws.axis_back(self.scale)(self.shift + self.width * u)

    def natural(self, curve: Curve, columns: Columns) -> dict[str, Any]:
        """Turn working parameters, one array each, into those of the law."""
        back: dict[str, Callable[[Any], Any]] = {
            "level": lambda v: self.level * np.exp(v),
            "place": self._place,
            "rate": lambda v: np.exp(v) / self.width,
            "shape": np.exp,
            "share": lambda v: 1.0 / (1.0 + np.exp(-v)),
        }
        found = {}
        for (name, kind), value in zip(curve.kinds.items(), columns, strict=True):
            if kind == "gap":
                found[name] = self._place(columns[1] + np.exp(value))
            else:
                found[name] = back[kind](value)
        return found

    def working(self, kind: str, value: float, place: float | None = None) -> float:
        """Turn one natural value into a working one; ±∞ where it lies outside the law."""
        if kind == "place":
            if self.scale == "log" and value <= 0:
                return -np.inf
            return float(self.inside(value)) if np.isfinite(value) else value
        if kind == "share":
            return (
                float(np.log(value) - np.log1p(-value)) if 0 < value < 1 else np.inf * (value - 0.5)
            )
        if kind == "gap":
            if place is None:
                raise MfaError("decline_from follows the midpoint: it cannot have bounds")
            gap = float(self.inside(value)) - place
            return float(np.log(gap)) if gap > 0 else -np.inf
        unit = {"level": 1.0 / self.level, "rate": self.width, "shape": 1.0}[kind]
        return float(np.log(value * unit)) if value > 0 else -np.inf
