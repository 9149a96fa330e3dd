"""The embedded data: a simulated emergency department whose true risks are known, or scikit-learn's Wisconsin data for teaching.

Nothing here is a real patient. The nurse of the simulation sees the vital signs and listens to pain; she underrates quiet emergencies of
old people, as is known from mistriage studies. That is what a second look can find.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.medical_triage.settings import MedicalTriage

Floats = NDArray[np.float64]
START = datetime(2024, 1, 1)  # noqa: DTZ001 - local time of the department
# arrivals by hour of the day, relative
HOURS = np.array([4, 3, 2.5, 2, 2, 2.5, 3.5, 5, 7, 9, 10, 10, 9, 8.5, 8.5, 8, 8, 8.5, 9, 8.5, 8, 7, 6, 5])
# complaint, share of visits, risk on the log odds, how much of it the nurse hears, mean pain
COMPLAINTS = (
    ("chest pain", 0.10, 1.5, 0.9, 5),
    ("shortness of breath", 0.08, 1.6, 0.9, 1),
    ("abdominal pain", 0.14, 0.3, 0.7, 6),
    ("weakness and confusion", 0.06, 1.7, 0.2, 0),
    ("dizziness", 0.07, 0.6, 0.3, 1),
    ("syncope", 0.04, 1.2, 0.5, 0),
    ("fever and chills", 0.08, 0.8, 0.6, 2),
    ("headache", 0.08, 0.1, 0.8, 6),
    ("back pain", 0.09, -0.7, 0.9, 6),
    ("ankle sprain", 0.09, -2.5, 1.0, 5),
    ("laceration hand", 0.08, -1.8, 1.0, 3),
    ("rash", 0.05, -2.0, 1.0, 1),
    ("fall at home", 0.04, 0.9, 0.3, 4),
)
WORDS = ("", "since this morning", "for two days", "sudden", "on and off", "after lunch", "worse today")
BASE, NURSE_NOISE, GAP_SHARE, MINUTES_SPREAD = -2.6, 0.7, 0.02, 0.45
CUTS = (1.5, -0.6, -2.4, -4.0)  # log odds the nurse perceives: level 1, 2, 3, 4 above them, else 5
MINUTES = (35.0, 22.0)  # mean minutes of a physician for events and others


def simulate(s: MedicalTriage) -> Mapping[str, pl.DataFrame]:
    """Return the table `visits`; the department's has the column true_risk beside, which the run never sees."""
    return {"visits": wisconsin() if s.world.data == "wisconsin" else department(s.seed, s.world.days, s.world.visits_per_day)}


def department(seed: int, days: int, visits_per_day: float) -> pl.DataFrame:
    """Return simulated visits in order of arrival, with vital signs, the nurse's level, the outcome and its true risk."""
    draw = np.random.default_rng(seed)
    arrival = _arrivals(draw, days, visits_per_day)
    count = len(arrival)
    kind = draw.choice(len(COMPLAINTS), count, p=_shares())
    risk_of, heard, pain_of = (np.array([entry[place] for entry in COMPLAINTS], dtype=float)[kind] for place in (2, 3, 4))
    age = np.clip(draw.gamma(4.2, 12.0, count), 0, 98).round()
    sick = draw.normal(0, 1, count)  # what the vital signs share
    vitals = _vitals(draw, sick, age)
    pain = np.clip(draw.poisson(pain_of) + (draw.random(count) < 0.2), 0, 10)  # noqa: PLR2004 - one in five says a little more
    old = (age - 50) / 20
    strain = _strain(vitals)
    log_odds = BASE + risk_of + 0.6 * old + strain
    risk = 1 / (1 + np.exp(-log_odds))
    event = draw.random(count) < risk
    seen = BASE + risk_of * heard + 0.25 * old + 0.9 * strain + 0.25 * (pain - 4) + draw.normal(0, NURSE_NOISE, count)
    level = 1 + np.sum(seen[:, None] < np.array(CUTS), axis=1)
    words = draw.choice(len(WORDS), count)
    mean = np.where(event, *MINUTES)
    table = {
        "arrival": arrival,
        "visit": [f"{number:06d}" for number in range(count)],
        "outcome": np.where(event, "1", "0"),
        "human_level": level.astype(float),
        "complaint": [f"{COMPLAINTS[k][0]} {WORDS[w]}".strip() for k, w in zip(kind, words, strict=True)],
        "age": age,
        "sex": draw.choice(["f", "m"], count),
        "arrival_mode": np.where(draw.random(count) < 1 / (1 + np.exp(1.5 - log_odds - old)), "ambulance", "walking"),
        "mental": np.where(strain + draw.normal(0, 0.5, count) > 4.0, "2", "1"),  # noqa: PLR2004 - few are drowsy
        "pain_score": pain.astype(float),
        **vitals,
        "service_minutes": np.round(mean * draw.lognormal(-(MINUTES_SPREAD**2) / 2, MINUTES_SPREAD, count), 1),
        "true_risk": risk,
    }
    return _with_gaps(draw, pl.DataFrame(table), list(vitals))


def _shares() -> Floats:
    shares = np.array([entry[1] for entry in COMPLAINTS])
    return np.asarray(shares / shares.sum())


def _arrivals(draw: np.random.Generator, days: int, visits_per_day: float) -> list[datetime]:
    rate = HOURS / HOURS.sum() * visits_per_day
    counts = draw.poisson(np.tile(rate, days))
    minutes = np.sort(np.repeat(np.arange(days * len(HOURS)), counts) * 60 + draw.integers(0, 60, counts.sum()))
    return [START + timedelta(minutes=int(minute)) for minute in minutes]


def _vitals(draw: np.random.Generator, sick: Floats, age: Floats) -> dict[str, Floats]:
    def noise(spread: float) -> Floats:
        return draw.normal(0, spread, len(sick))

    worse = np.maximum(sick, 0)
    return {
        "sbp": np.clip(128 + 0.25 * (age - 50) - 9 * worse + noise(15), 50, 250).round(),
        "dbp": np.clip(78 - 4 * worse + noise(9), 25, 140).round(),
        "heart_rate": np.clip(82 + 11 * worse + noise(11), 35, 200).round(),
        "respiratory_rate": np.clip(16 + 2.6 * worse + noise(2), 8, 55).round(),
        "temperature_c": np.clip(36.7 + 0.35 * worse + noise(0.45), 34, 41.5).round(1),
        "spo2": np.clip(97.8 - 1.6 * worse - np.abs(noise(1.2)), 70, 100).round(),
    }


def _strain(vitals: Mapping[str, Floats]) -> Floats:
    """Return what the vital signs add to the log odds."""
    parts = [
        (vitals["heart_rate"] - 85) / 22,
        (vitals["respiratory_rate"] - 17) / 5,
        (96 - vitals["spo2"]) / 3,
        (120 - vitals["sbp"]) / 45,
        np.abs(vitals["temperature_c"] - 36.9) / 1.5,
    ]
    return np.asarray(np.sum(parts, axis=0) * 0.5)


def _with_gaps(draw: np.random.Generator, rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    gaps = {name: draw.random(rows.height) < GAP_SHARE / len(names) for name in names}
    return rows.with_columns(pl.when(~pl.Series(gap)).then(pl.col(name)).alias(name) for name, gap in gaps.items())


def wisconsin() -> pl.DataFrame:
    """Return the Wisconsin breast cancer data that ship with scikit-learn (569 cases, 212 malignant): for teaching, no triage at all."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    numbers = {f"number_{place + 1}": found.data[:, place] for place in range(10)}
    return pl.DataFrame({"outcome": np.where(found.target == 0, "1", "0"), **numbers})
