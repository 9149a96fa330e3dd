"""Replay the two companies of the KIT set by the bars' protocol and print shares, forecast scores and perfect foresight.

    python benchmarks/energy_bars.py FOLDER_WITH_kit_companies_AND_prices_de [select]

Company 10 is reported from 2016-06-01, company 7 from 2016-08-01, both until 2016-12-31; everything before is training and choice. With
`select` the months before are replayed instead: the place to compare settings. No choice is made on the reported months.
"""

import sys
import time
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.scores import pinball_loss
from pipelines.settings import load_settings, merged, read_toml
from pipelines.table import conformed, load_separate
from usecases.energy import CASE
from usecases.energy.decide import decide
from usecases.energy.model import LoadForecast, model
from usecases.energy.perfect import perfect
from usecases.energy.rules import RULES
from usecases.energy.settings import Energy
from usecases.energy.value import bill

SETTINGS = Path(__file__).parents[1] / "datasets" / "kit_companies" / "settings.toml"
SITES = {"10": "kit_companies/company_10.csv", "7": "kit_companies/company_07.csv"}
REPORT = {"10": datetime(2016, 6, 1), "7": datetime(2016, 8, 1)}  # noqa: DTZ001 - the files' own clock
SELECT = {"10": datetime(2015, 12, 1), "7": datetime(2016, 2, 1)}  # noqa: DTZ001
EARLIER = {"10": datetime(2015, 6, 1), "7": datetime(2015, 9, 1)}  # noqa: DTZ001
END = datetime(2017, 1, 1)  # noqa: DTZ001
PERFECT = {"10": 81_121.0, "7": 16_885.0}


def rows_of(folder: Path, s: Energy) -> pl.DataFrame:
    """Return both companies' rows as the pipeline reads them."""
    parts = []
    for site, file in SITES.items():
        own = load_settings(
            Energy, merged(s.model_dump(exclude_unset=True), {"data": {"load": {"file": file, "constants": {"site": site}}}})
        )
        assert CASE.assemble is not None
        parts.append(conformed(CASE.assemble(load_separate(CASE.tables, own.data, folder, folder).tables, own), CASE.schema))
    return pl.concat(parts, how="diagonal").filter(pl.col("time") < END).sort("site", "time")


def between(rows: pl.DataFrame, first: dict[str, datetime], last: dict[str, datetime]) -> pl.DataFrame:
    """Return each site's rows from its first to before its last moment."""
    return pl.concat(
        rows.filter((pl.col("site") == site) & (pl.col("time") >= first[site]) & (pl.col("time") < last[site])) for site in SITES
    )


def forecast(
    rows: pl.DataFrame, s: Energy, report: dict[str, datetime], select: dict[str, datetime]
) -> tuple[LoadForecast, pl.DataFrame, float]:
    """Return the model, the reported rows with forecasts, and CPU seconds per quantile and ensemble fitted."""
    begin = dict.fromkeys(SITES, datetime(2010, 1, 1))  # noqa: DTZ001
    forecaster = model(s)
    chosen = forecaster.fit(between(rows, begin, select)).predict(between(rows, select, report))
    forecaster.choose(chosen)
    clock = time.process_time()
    forecaster.fit(between(rows, begin, report))
    spent = (time.process_time() - clock) / len(s.forecast.levels)
    end = dict.fromkeys(SITES, END) if report is REPORT else REPORT
    raw = forecaster.predict(between(rows, report, end))
    done, history = [], pl.concat([chosen, raw])
    for (site,), part in raw.partition_by("site", as_dict=True, maintain_order=True).items():
        first: date = part["date"].min()
        own = history.filter(pl.col("site") == site)
        weeks = part.with_columns(_week=(pl.col("date") - first).dt.total_days() // 7).partition_by("_week", include_key=False)
        done += [forecaster.final(week, own.filter(pl.col("time") < week["time"].min() - pl.duration(hours=12))) for week in weeks]
    return forecaster, pl.concat(done), spent


def scores(part: pl.DataFrame) -> str:
    """Return WAPE, pinball losses by the mean load and coverage of the 80 % band."""
    truth, mean = part["load_kw"].to_numpy(), float(part["load_kw"].mean())
    wape = np.abs(truth - part["q0.5"].to_numpy()).sum() / truth.sum()
    losses = " ".join(
        f".{round(10 * level)}: {pinball_loss(truth, part[f'q{level:g}'].to_numpy(), level).mean() / mean:.3f}" for level in (0.1, 0.5, 0.9)
    )
    inside = ((truth >= part["q0.1"].to_numpy()) & (truth <= part["q0.9"].to_numpy())).mean()
    return f"WAPE {wape:.4f}  pinball {losses}  80 % band covers {inside:.3f}"


def known(part: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the rows with perfect scenarios: every path is the truth, and the month's own smallest cap is the aim."""
    from usecases.energy.months import closed_caps
    from usecases.energy.value import net_load

    same = s.model_copy(update={"cap_rule_refill": s.decision.refill})  # the plan's own way to recharge
    month = part["local"].dt.truncate("1mo")
    caps = {}
    for begun in month.unique().sort():
        own = part.filter(month == begun)
        caps[begun] = closed_caps([net_load(own)], same, s.battery.of(str(part["site"][0])))[0]
    paths = [pl.col("load_kw").alias(name) for name in part.columns if name.startswith("path_")]
    aim = month.replace_strict(list(caps), list(caps.values()), return_dtype=pl.Float64)
    return part.with_columns(*paths, aim_kw=aim, aim_slide_kw=pl.lit(0.0), cap_from=pl.lit("raised"), trusted=pl.lit(value=True))


def main(folder: str, period: str = "report") -> None:
    """Print everything."""
    s = load_settings(Energy, read_toml(SETTINGS), {"threads": 1})
    clock = time.process_time()
    rows = CASE.features(rows_of(Path(folder), s), s)
    print(f"read and featured in {time.process_time() - clock:.1f} CPU s")
    report, select = (REPORT, SELECT) if period == "report" else (SELECT, EARLIER)
    forecaster, made, spent = forecast(rows, s, report, select)
    print(f"choices {dict(forecaster.choices)}; {spent:.1f} CPU s per quantile")
    shares = []
    for (site,), part in made.partition_by("site", as_dict=True, maintain_order=True).items():
        best = perfect(part, s)
        follow = lambda day, *_, best=best: day.join(best, on=["time", "site"], how="left", maintain_order="left")  # noqa: E731
        policies = {**RULES, "plan": decide, "perfect foresight": follow}
        euros, peaks, spent_on = {}, {}, {}
        for name, policy in policies.items():
            clock = time.process_time()
            ledger = bill(part, s, policy)
            spent_on[name], euros[name], peaks[name] = time.process_time() - clock, ledger["eur"].sum(), ledger["kw_peak"].sum()
        euros["perfect scenarios"] = bill(known(part, s), s, decide)["eur"].sum()
        possible = euros["no_battery"] - euros["perfect foresight"]
        print(f"company {site}: {part['time'].min()} to {part['time'].max()}, {scores(part)}")
        months = part["local"].dt.truncate("1mo").n_unique()
        for name, total in euros.items():
            share = (euros["no_battery"] - total) / possible
            peak = f"{peaks[name] / months:7.1f} kW" if name in peaks else " " * 10
            print(f"  {name:18s} {total:10.0f} EUR  saved {euros['no_battery'] - total:7.0f}  share {share:6.3f}  mean peak {peak}")
        print(
            f"  plan against cap rule {euros['cap_rule'] - euros['plan']:.0f} EUR;",
            f"perfect foresight {euros['perfect foresight']:.1f} (bars {PERFECT[site]:.0f})",
        )
        print(f"  {spent_on['plan'] / part['date'].n_unique():.3f} CPU s per day of the plan's replay")
        shares.append((euros["no_battery"] - euros["plan"]) / possible)
    print(f"mean share {np.mean(shares):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
