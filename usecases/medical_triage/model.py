"""The model and its watch: a calibrated probability, and an alarm for every visit whose inputs it must not be trusted with."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from pipelines.models import Probability
from pipelines.models.calibrating import Promise
from pipelines.usecase import Options, Span
from usecases.medical_triage.drift import Profile, written
from usecases.medical_triage.features import inputs
from usecases.medical_triage.guards import implausible
from usecases.medical_triage.schema import VITALS
from usecases.medical_triage.settings import MedicalTriage

WATCHED = "watch.json"
CLOSED = ("sex", "arrival_mode", "injury", "mental", "pain")  # few levels: an unseen one is an error, not a rarity
WINDOW, LEAST = 200, 50  # visits of a site over which missing values are watched
EVERYWHERE = "*"
# What a sweep may change. Neither slots nor alarms nor red flags: with more of them fewer emergencies are missed, at the price of others.
SEARCH: Mapping[str, Span | Options] = {
    "slots.top_share": Span(0.03, 0.5, log=True, unit="share of candidates"),
    "slots.threshold": Options(("paced", "fixed")),
    "slots.rank_by": Options(("risk_and_pain", "risk")),
    "inputs.text": Options(("complaint", "")),
    "forecast.c": Span(0.01, 30.0, log=True),
    "forecast.rare": Span(2, 200, log=True, whole=True, unit="rows"),
    "forecast.recent": Span(300, 20_000, log=True, whole=True, unit="cases"),
}
ORDER_BY = ("pain_score",)  # the pain scale is where human triage errs most (Moon et al. 2019): it ranks second looks beside the risk


@dataclass
class Watch:
    """What was usual in the past: share of missing values per site and column, levels of the closed categories."""

    shift: float
    usual_gap: float
    gaps: dict[str, dict[str, float]] = field(default_factory=dict)
    levels: dict[str, list[str]] = field(default_factory=dict)

    def fit(self, past: pl.DataFrame, numbers: list[str], categories: list[str]) -> Self:
        """Learn what is usual."""
        shares = [pl.col(name).is_null().mean().alias(name) for name in numbers]
        self.gaps = {EVERYWHERE: past.select(shares).row(0, named=True)} if shares else {}
        if shares:
            sites = (
                past.group_by(pl.col("site").fill_null(""), maintain_order=True)
                .agg(*shares, pl.len().alias("_rows"))
                .filter(pl.col("_rows") >= LEAST)
            )
            self.gaps |= {row.pop("site"): row for row in sites.drop("_rows").sort("site").to_dicts()}
        self.levels = {name: past[name].drop_nulls().unique().sort().to_list() for name in categories if name in CLOSED}
        return self

    def alarm(self, rows: pl.DataFrame) -> pl.Series:
        """Return per row what is wrong with its inputs, empty if nothing; rows in order of time."""
        vitals = [name for name in VITALS if self.gaps.get(EVERYWHERE, {}).get(name, 1.0) < self.usual_gap]
        checks = [implausible()]
        checks += [pl.when(pl.col(name).is_null()).then(pl.lit(f"missing:{name}")) for name in vitals]
        for name, known in self.levels.items():
            checks.append(pl.when(~pl.col(name).is_in(known)).then(pl.lit(f"unknown:{name}")))
        checks += [self._shifted(name) for name in self.gaps.get(EVERYWHERE, {})]
        return rows.select(pl.coalesce(*checks, pl.lit("")).alias("alarm"))["alarm"]

    def _shifted(self, name: str) -> pl.Expr:
        """Return the alarm for a column whose values have begun or ceased to be missing at a site: the last 200 visits against the past."""
        site = pl.col("site").fill_null("")
        now = pl.col(name).is_null().cast(pl.Float64).rolling_mean(WINDOW, min_samples=LEAST).over(site)
        past = {place: shares[name] for place, shares in self.gaps.items()}
        usual = site.replace_strict(list(past), list(past.values()), default=past[EVERYWHERE], return_dtype=pl.Float64)
        return pl.when(((now - usual).abs() > self.shift).fill_null(value=False)).then(pl.lit(f"shift:{name}"))


@dataclass
class TriageModel:
    """A `Probability` whose inputs are those the past has, watched by a `Watch`."""

    probability: Probability
    watch: Watch
    numbers: list[str]
    categories: list[str]
    text: str | None
    profile: Profile = field(default_factory=Profile)
    hours: int = 24  # length of a shift
    hourly: list[float] = field(default_factory=list)  # candidates per hour of the day, mean of the past

    @property
    def target(self) -> str:
        """The outcome."""
        return self.probability.target

    @property
    def columns(self) -> list[str]:
        """The forecast column."""
        return self.probability.columns

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was chosen, and the inputs used."""
        return {**self.probability.choices, "inputs": self.inputs}

    @property
    def inputs(self) -> list[str]:
        """The columns the fitted model reads."""
        made = self.probability
        return [*made.numbers, *made.categories, *([made.text] if made.text else [])]

    def fit(self, past: pl.DataFrame) -> Self:
        """Fit on past rows; columns without any value there are left out."""
        made, rows = self.probability, past.filter(pl.col(self.target).is_not_null())
        made.numbers, made.categories = ([name for name in names if _held(rows, name)] for names in (self.numbers, self.categories))
        made.text = self.text if self.text and _held(rows, self.text) else None
        self.watch.fit(rows, list(made.numbers), list(made.categories))
        self.profile.fit(rows, made.numbers, made.categories)
        days = max(rows["arrival"].dt.date().n_unique(), 1)
        counted = np.bincount(rows.filter("candidate")["arrival"].dt.hour().to_numpy(), minlength=24)
        self.hourly = [float(count) / days for count in counted]
        made.fit(past)
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the columns of `Probability`, `alarm`, and `drift` of the inputs against the fit (one text for all rows)."""
        drift = pl.lit(written(self.profile.moved(rows))).alias("drift")
        return self.probability.predict(rows.with_columns(self.watch.alarm(rows), drift, self._to_come(rows)))

    def _to_come(self, rows: pl.DataFrame) -> pl.Series:
        """Return the candidates expected between each arrival and the end of its shift."""
        hour, minute = (rows["arrival"].dt.hour().to_numpy().astype(int), rows["arrival"].dt.minute().to_numpy())
        total = np.concatenate([[0.0], np.cumsum(self.hourly or [0.0] * 24)])
        end = (hour // self.hours + 1) * self.hours
        gone = total[hour] + (total[hour + 1] - total[hour]) * minute / 60
        return pl.Series("to_come", total[end] - gone)

    def choose(self, select: pl.DataFrame) -> None:
        """Choose the member on the first half of select."""
        self.probability.choose(select)

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Recalibrate by the latest known cases that raised no alarm."""
        return self.probability.final(forecasts, _trusted(known))

    def settle(self, known: pl.DataFrame) -> None:
        """Recalibrate what `predict` gives from now on."""
        self.probability.settle(_trusted(known))

    def save(self, folder: Path) -> None:
        """Write the model and what is watched."""
        self.probability.save(folder)
        head = {
            "watch": asdict(self.watch),
            "profile": asdict(self.profile),
            **{name: getattr(self, name) for name in ("numbers", "categories", "text", "hours", "hourly")},
        }
        (folder / WATCHED).write_text(json.dumps(head, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        head = json.loads((folder / WATCHED).read_text(encoding="utf-8"))
        watch, profile = Watch(**head.pop("watch")), Profile(**head.pop("profile", {}))
        return cls(Probability.load(folder), watch, **head, profile=profile)


def _held(rows: pl.DataFrame, name: str) -> bool:
    return name in rows.columns and rows[name].null_count() < rows.height


def _trusted(known: pl.DataFrame) -> pl.DataFrame:
    return known.filter(pl.col("alarm") == "") if "alarm" in known.columns else known


def model(s: MedicalTriage) -> TriageModel:
    """Return the unfitted model; scores are ranked among the visits that a person did not call urgent."""
    numbers, categories, text = inputs(s)
    forecast = s.forecast
    probability = Probability(
        "event",
        numbers,
        categories,
        text,
        time="arrival",
        candidates=forecast.members,
        default=forecast.members[0],
        promise=Promise(forecast.level, forecast.recall, forecast.confidence),
        recent=forecast.recent,
        least=s.guards.few,
        peers="candidate",
        order_by=ORDER_BY if s.slots.rank_by == "risk_and_pain" else (),
        rare=forecast.rare,
        c=forecast.c,
        threads=s.threads,
        seed=s.seed,
    )
    return TriageModel(probability, Watch(s.guards.shift, s.guards.usual_gap), numbers, categories, text, hours=s.slots.hours)
