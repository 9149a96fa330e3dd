"""What the report tells beside the figures, and why each quarter hour of a plan is what it is."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.texts import Lang, number, text
from usecases.energy.settings import Energy
from usecases.energy.tariff import prices

YEAR_HOURS = 8760
SMALL = 0.5  # kW: less is not worth a word


def usual_name(rows: pl.DataFrame, s: Energy) -> str:
    """Return what business as usual is."""
    return s.usual


def notes(rows: pl.DataFrame, s: Energy) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return what must be said: how the cap is found, what usual is, who judges, and where data were missing."""
    decision = s.decision
    found: list[tuple[str, dict[str, Any]]] = [
        (f"energy.usual_{s.usual}", {}),
        ("energy.settled", {}),
        (
            "energy.cap_first",
            {"share": round(100 * decision.cap_share), "months": decision.closed_months, "quantile": round(100 * decision.day_quantile)},
        ),
    ]
    first = rows["local"].min()
    if first.day != 1 or (s.tariff.peak == "year" and first.month != 1):  # type: ignore[union-attr]
        found.append(("energy.half_month", {"first": first.date()}))  # type: ignore[union-attr]
    if s.tariff.spot and rows["spot_eur_per_kwh"].null_count() == rows.height:
        found.append(("energy.no_spot", {}))
    if rows["co2_g_per_kwh"].null_count() == rows.height:
        found.append(("energy.co2_default", {"factor": s.grid_g_per_kwh}))
    return found


def caveats(rows: pl.DataFrame, s: Energy) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return at which sites the plan is nothing but the cap rule, because it had not earned trust on the select period."""
    found = _other_line(rows, s)
    if not s.decision.fallback or "trusted" not in rows.columns:
        return found
    doubted = sorted(rows.filter(~pl.col("trusted"))["site"].unique().to_list())
    everywhere = len(doubted) == rows["site"].n_unique()
    said = "energy.follows_rule_everywhere" if everywhere else "energy.follows_rule"
    return [*found, (said, {"sites": ", ".join(doubted)})] if doubted else found


def _other_line(rows: pl.DataFrame, s: Energy) -> list[tuple[str, dict[str, Any]]]:
    """Return the sites whose hours of use belong to the other line of the annual tariff than the one that is set."""
    if s.tariff.peak != "year":
        return []
    imports = (pl.col("load_kw") - pl.col("pv_kw").fill_null(0.0)).clip(lower_bound=0.0)
    hours = rows.group_by("site", maintain_order=True).agg(hours=YEAR_HOURS * imports.mean() / imports.max())
    below = pl.col("hours") < s.two_lines.hours
    wrong = hours.filter(~below if s.tariff.line == "below" else below)
    return [("energy.other_line", {"sites": ", ".join(wrong["site"]), "hours": round(float(wrong["hours"][0]))})] if wrong.height else []


def reasons(rows: pl.DataFrame, s: Energy, lang: Lang) -> pl.Series:
    """Return one sentence per quarter hour: the cap that is held, and what battery and waiting load do at which price."""
    bought, _ = prices(rows, s)
    said = []
    for row, price in zip(rows.iter_rows(named=True), bought, strict=True):
        cents = number(100 * float(price), lang, 1)
        parts = [text("energy.why_rule", lang)] if row.get("followed") else []
        parts.append(text("energy.why_hold", lang, cap=number(row["cap_kw"], lang)))
        power = float(row["battery_kw"])
        if abs(power) >= SMALL:
            key = "energy.why_discharge" if power > 0 else "energy.why_charge"
            parts.append(text(key, lang, power=number(abs(power), lang), price=cents))
        elif not row.get("served_kw"):
            parts.append(text("energy.why_ready", lang))
        if (row.get("served_kw") or 0.0) >= SMALL:
            parts.append(text("energy.why_serve", lang, power=number(row["served_kw"], lang)))
        said.append("; ".join(parts))
    return pl.Series("reason", said, dtype=pl.String)
