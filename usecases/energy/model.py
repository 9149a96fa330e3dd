"""The load forecast, and whether the plan built on it has earned trust."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import polars as pl

from pipelines.models.day_scenarios import DayScenarios
from pipelines.usecase import Options, Span
from usecases.energy.decide import AIMS, decide
from usecases.energy.features import inputs
from usecases.energy.rules import cap_rule
from usecases.energy.settings import Energy
from usecases.energy.value import bill

TREES = {
    "learning_rate": 0.05,
    "num_leaves": 63,
    "feature_fraction": 0.4,
    "min_child_samples": 200,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
}
Members = Sequence[tuple[Mapping[str, Any], int]]
QUICK: Members = [({**TREES, "learning_rate": 0.1, "num_leaves": 31, "min_child_samples": 80}, 80)]
THOROUGH: Members = [(TREES, 250), ({**TREES, "extra_trees": True}, 400)]
TRUST = "trust.json"
# what a sweep may change: the trees, what loads are measured by, and how the cap is set and held
SEARCH: dict[str, Span | Options] = {
    "trees.rounds_share": Span(0.4, 4.0, log=True, unit="share"),
    "trees.rate_share": Span(0.3, 2.0, log=True, unit="share"),
    "trees.leaves_share": Span(0.25, 2.5, log=True, unit="share"),
    "trees.rows_share": Span(0.25, 5.0, log=True, unit="share"),
    "forecast.level_days": Span(14, 84, whole=True, unit="days"),
    "decision.closed_months": Span(1, 6, whole=True, unit="months"),
    "decision.refill": Span(0.85, 1.0, unit="share"),
    "decision.day_quantile": Span(0.0, 0.5, unit="probability"),
    "decision.day_slide": Span(0.0, 1.2, unit="share"),
}


@dataclass
class LoadForecast:
    """Scenarios of the load, and per site which cap was best on the select period and whether the plan beat the cap rule there."""

    scenarios: DayScenarios
    settings: Energy
    distrusted: list[str] = field(default_factory=list)
    saved: dict[str, float] = field(default_factory=dict)
    caps: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The outcome that is forecast."""
        return self.scenarios.target

    @property
    def columns(self) -> list[str]:
        """Quantiles and scenarios, kW."""
        return self.scenarios.columns

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was chosen on select."""
        return {
            **self.scenarios.choices,
            "cap_aimed_at": self.caps,
            "plan_against_cap_rule_eur": self.saved,
            "cap_rule_followed_at": list(self.distrusted),
        }

    def fit(self, past: pl.DataFrame) -> Self:
        """Learn from rows whose load is known."""
        self.scenarios.fit(past)
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with quantiles, scenarios, `trusted` and `cap_from` (one of `decide.AIMS`)."""
        return self._marked(self.scenarios.predict(rows))

    def choose(self, select: pl.DataFrame) -> None:
        """Choose the recalibration; then replay on select: which cap to aim for, and whether the plan costs less than the cap rule."""
        self.scenarios.choose(select)
        first, parts = select["date"].min(), []
        for block in select.with_columns(_week=(pl.col("date") - first).dt.total_days() // 7).partition_by("_week", include_key=False):
            known = select.filter(pl.col("date") < block["date"].min() - pl.duration(days=1))
            parts.append(self.scenarios.final(block, known))
        made, s = pl.concat(parts).sort("site", "time"), self.settings
        for (site,), part in made.partition_by("site", as_dict=True, maintain_order=True).items():
            aims = AIMS if s.decision.learn else AIMS[:1]
            costs = {aim: float(bill(part.with_columns(cap_from=pl.lit(aim)), s, decide)["eur"].sum()) for aim in aims}
            self.caps[str(site)] = min(costs, key=lambda aim: costs[aim])
            self.saved[str(site)] = round(float(bill(part, s, cap_rule)["eur"].sum()) - min(costs.values()), 2)
        self.distrusted = [site for site, saved in self.saved.items() if saved < 0]

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Return the forecasts recalibrated, tied together, and marked."""
        return self._marked(self.scenarios.final(forecasts, known))

    def settle(self, known: pl.DataFrame) -> None:
        """Keep the latest days for plans to come."""
        self.scenarios.settle(known)

    def save(self, folder: Path) -> None:
        """Write scenarios, settings and trust, without pickles."""
        import json

        self.scenarios.save(folder)
        facts = {"distrusted": self.distrusted, "saved": self.saved, "caps": self.caps, "settings": self.settings.model_dump(mode="json")}
        (folder / TRUST).write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import json

        facts = json.loads((folder / TRUST).read_text(encoding="utf-8"))
        settings = Energy.model_validate(facts["settings"])
        return cls(DayScenarios.load(folder), settings, facts["distrusted"], facts["saved"], facts.get("caps", {}))

    def _marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        aim = pl.col("site").replace_strict(self.caps, default=AIMS[0], return_dtype=pl.String) if self.caps else pl.lit(AIMS[0])
        return rows.with_columns(trusted=~pl.col("site").is_in(self.distrusted), cap_from=aim)


def model(s: Energy) -> LoadForecast:
    """Return the unfitted forecaster: quantiles of load and joint scenarios of load − PV per site and quarter hour, kW."""
    members = [(sized(trees, s), max(1, round(rounds * s.trees.rounds_share))) for trees, rounds in _members(s)]
    scenarios = DayScenarios(
        "load_kw", inputs(s), list(s.forecast.levels), s.forecast.scenarios, members, minus="pv_kw", seed=s.seed, threads=s.threads
    )
    return LoadForecast(scenarios, s)


def sized(trees: Mapping[str, Any], s: Energy) -> dict[str, Any]:
    """Return the parameters of trees of the size and pace the settings state."""
    leaves, rows = trees["num_leaves"] * s.trees.leaves_share, trees["min_child_samples"] * s.trees.rows_share
    return {
        **trees,
        "learning_rate": trees["learning_rate"] * s.trees.rate_share,
        "num_leaves": max(2, round(leaves)),
        "min_child_samples": max(1, round(rows)),
    }


def _members(s: Energy) -> Members:
    return QUICK if s.forecast.effort == "quick" else THOROUGH
