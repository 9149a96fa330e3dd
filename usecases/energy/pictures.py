"""The report's own sections: bill by component, monthly peaks, duration curve, a week of the battery."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup

from pipelines.calendar import calendar
from pipelines.decide.battery import Course, Floats
from pipelines.report import svg
from pipelines.report.page import Cell, Section, Table
from pipelines.report.words import Words
from pipelines.result import Interval, Result
from pipelines.texts import Lang, filled
from usecases.energy.settings import Energy
from usecases.energy.tariff import QUARTER, Atypical, atypical_use, prices, two_line_bills
from usecases.energy.value import ACTIONS, SiteState, course, net_load, start

POLICIES = ("usual", "plan", "perfect")
WIDTH, TALL, LEFT, RIGHT = 860.0, 300.0, 70.0, 845.0
SORTED = 400  # quarter hours drawn of the duration curve: 100 hours
WEEK_STEPS = 672
YEAR_DAYS = 365


def sections(result: Result, lang: Lang) -> Sequence[Section]:
    """Return the sections, made from the result alone: the courses are replayed from orders and metered loads."""
    s = result.settings
    if not isinstance(s, Energy):
        return []
    words = Words(lang, result.case)
    courses = {policy: replayed(result, s, policy) for policy in POLICIES}
    site = str(result.forecasts["site"][0])
    parts = [_bill(result, s, courses, words), _peaks(result, s, words), _duration(courses, site, words)]
    parts += _sizes(result, s, words)
    return [*parts, _week(result, s, courses, site, words), _year(result, s, courses, site, words)]


def replayed(result: Result, s: Energy, policy: str) -> dict[str, Course]:
    """Return what happened at each site's meter under a policy."""
    orders = result.actions.filter(pl.col("policy") == policy).drop("policy")
    orders = orders.select("time", "site", *(name for name in ACTIONS if name in orders.columns))
    rows = result.forecasts.join(orders, on=["time", "site"], how="left", maintain_order="left")
    begun = start(result.forecasts, s)
    found = {}
    for (site,), part in rows.partition_by("site", as_dict=True, maintain_order=True).items():
        state: SiteState = begun[str(site)]
        found[str(site)] = course(part.sort("time"), s, str(site), state)[0]
    return found


def _text(words: Words, name: str, **values: object) -> str:
    return filled(words.find(name) or name, **values)


def _bill(result: Result, s: Energy, courses: Mapping[str, Mapping[str, Course]], words: Words) -> Section:
    rows, peaks = [], {}
    pv = float(result.forecasts["pv_kw"].fill_null(0.0).to_numpy().sum()) * QUARTER
    usable = sum((s.battery.of(site).ceiling_kwh - s.battery.of(site).floor_kwh) for site in courses["plan"])
    for policy in POLICIES:
        ledger = result.ledger.filter(pl.col("policy") == policy)
        total, peak = float(ledger["eur"].sum()), float(ledger["kw_peak"].sum()) * s.tariff.peak_eur_per_kw
        exported = sum(float(one.export_kw.sum()) for one in courses[policy].values()) * QUARTER
        cycles = float(ledger["kwh_discharged"].sum()) / usable if usable > 0 else 0.0
        own = words.percent(1 - exported / pv) if pv > 0 else words("nothing")
        peaks[policy] = words.amount(peak, "eur", 0)
        cells = [words.amount(value, "eur", 0) for value in (total - peak, peak, total)]
        rows.append([words.label("policy", policy), *cells, words.number(cycles, 0), own])
    head = [words("col_policy"), *(_text(words, f"col_{name}") for name in ("energy", "peak", "total", "cycles", "self"))]
    table = Table(_text(words, "sec_bill_caption"), head, rows, shown=True)
    return Section(
        "bill", _text(words, "sec_bill"), _text(words, "sec_bill_title", **peaks), (_text(words, "sec_bill_text"),), tables=[table]
    )


def _peaks(result: Result, s: Energy, words: Words) -> Section:
    clock = result.forecasts.select("time", "site", month=pl.col("time").dt.truncate("1mo").dt.date())
    ledger = result.ledger.join(clock, on=["time", "site"], how="left")
    months = ledger.group_by("site", "month", pl.col("policy").cast(pl.String), maintain_order=True).agg(
        pl.col("kw_peak").sum(), pl.col("eur").sum()
    )
    wide = months.pivot(on="policy", index=["site", "month"], values=["kw_peak", "eur"]).sort("site", "month")
    rows: list[list[str]] = []
    for row in wide.iter_rows(named=True):
        possible = row["eur_usual"] - row["eur_perfect"]
        share = (row["eur_usual"] - row["eur_plan"]) / possible if possible > 0 else None
        kw = [words.number(row[f"kw_peak_{policy}"], 1) for policy in POLICIES]
        rows.append([f"{row['site']}, {row['month']:%Y-%m}", *kw, words.percent(share)])
    cut, possible_kw = (float((wide["kw_peak_usual"] - wide[f"kw_peak_{policy}"]).mean() or 0) for policy in ("plan", "perfect"))  # type: ignore[arg-type]
    title = _text(words, "sec_peaks_title", cut=words.number(cut, 1), possible=words.number(possible_kw, 1))
    head = [_text(words, "col_month"), *(words.label("policy", policy) for policy in POLICIES), _text(words, "col_share")]
    caption = _text(words, "sec_peaks_caption")
    table = Table(caption, head, rows)
    own = wide.filter(pl.col("site") == wide["site"][0])
    courses = {policy: own[f"kw_peak_{policy}"].to_numpy() for policy in POLICIES}
    marks = [f"{month:%m/%y}" for month in own["month"]]
    charts = [(caption, _lines("peaks", courses, title, caption, words, marks=marks))]
    saved, possible = (own["eur_usual"] - own[f"eur_{policy}"] for policy in ("plan", "perfect"))
    if (possible > 0).all():
        told = _text(words, "sec_share_caption", site=own["site"][0])
        shares = {"plan": (100 * saved / possible).to_numpy(), "perfect": np.full(own.height, 100.0)}
        charts.append((told, _lines("share", shares, told, told, words, unit="percent", marks=marks)))
    return Section("peaks", _text(words, "sec_peaks"), title, (_text(words, "sec_peaks_text"),), charts=charts, tables=[table])


def _duration(courses: Mapping[str, Mapping[str, Course]], site: str, words: Words) -> Section:
    drawn = {policy: np.sort(courses[policy][site].import_kw)[::-1][:SORTED] for policy in POLICIES}
    caption = _text(words, "sec_duration_caption", hours=SORTED // 4, site=site)
    title = _text(words, "sec_duration_title")
    chart = _lines("duration", drawn, title, caption, words)
    return Section("duration", _text(words, "sec_duration"), title, (_text(words, "sec_duration_text"),), charts=[(caption, chart)])


def _week(result: Result, s: Energy, courses: Mapping[str, Mapping[str, Course]], site: str, words: Words) -> Section:
    rows = result.forecasts.filter(pl.col("site") == site).sort("time")
    without = courses["usual"][site]
    top = int(np.argmax(net_load(rows)))
    begin = max(0, min(top - WEEK_STEPS // 2, rows.height - WEEK_STEPS))
    place = slice(begin, min(begin + WEEK_STEPS, rows.height))
    first, last = rows["local"][place.start], rows["local"][place.stop - 1]
    title = _text(words, "sec_week_title", site=site)
    caption = _text(words, "sec_week_caption", first=words.day(first.date()), last=words.day(last.date()))
    plan = courses["plan"][site]
    power = {"usual": (without.import_kw - without.export_kw)[place], "plan": (plan.import_kw - plan.export_kw)[place]}
    charts = [(f"{caption}, {_text(words, 'axis_kw')}", _lines("week", power, title, caption, words))]
    price = 100 * prices(rows, s)[0][place]
    for name, values in (("kwh", plan.stored_kwh[place]), ("ct", price)):
        axis = _text(words, f"axis_{name}")
        charts.append((axis, _lines(f"week-{name}", {"plan": values}, f"{title}: {axis}", caption, words, unit=name)))
    return Section("week", _text(words, "sec_week"), title, (_text(words, "sec_week_text"),), charts=charts)


def _year(result: Result, s: Energy, courses: Mapping[str, Mapping[str, Course]], site: str, words: Words) -> Section:
    """Return grid cost under both lines of the annual tariff, and what atypical grid use would say, per site and policy."""
    scale, several = YEAR_DAYS / result.report.days, len(courses["plan"]) > 1
    lines: list[list[Cell]] = []
    windows: list[list[Cell]] = []
    valid = {}
    for policy in POLICIES:
        for name, done in courses[policy].items():
            imports = done.import_kw
            year = np.concatenate([imports * 1.0, np.full(max(int(len(imports) * (scale - 1)), 0), float(imports.mean()))])
            who = words.label("policy", policy) + (f", {name}" if several else "")
            for bill in two_line_bills(year, s.two_lines):
                if bill.valid:
                    valid[policy, name] = bill.line
                line = f"{_text(words, f'line_{bill.line}')} {words.number(s.two_lines.hours, 0)} h"
                cells = [line, words.number(bill.hours, 0), words.amount(bill.eur, "eur", 0), words("yes" if bill.valid else "no")]
                lines.append([who, *cells])
            found = _atypical(result, s, name, imports, getattr(s.two_lines, valid[policy, name]).peak_eur_per_kw)
            kw = [words.number(value, 1) for value in (found.inside_kw, found.peak_kw)]
            granted = words("yes" if found.granted else "no")
            windows.append([who, *kw, words.percent(found.share), words.amount(found.saved_eur, "eur", 0), granted])
    head = [words("col_policy"), *(_text(words, f"col_{name}") for name in ("line", "hours", "total", "valid"))]
    heads = [words("col_policy"), *(_text(words, f"col_{name}") for name in ("inside", "highest", "below", "fee", "granted"))]
    hours = words.number(s.two_lines.hours, 0)
    title = _text(words, "sec_year_title", line=_text(words, f"line_{valid['usual', site]}"), hours=hours, site=site)
    tables = [
        Table(_text(words, "sec_year_caption"), head, lines, texts=2, shown=True),
        Table(_text(words, "sec_atypical_caption", share=words.percent(s.atypical.least_share)), heads, windows, shown=True),
    ]
    text = [_text(words, f"sec_{name}_text") for name in ("year", "atypical")]
    shown = 2 if s.atypical.windows else 1
    return Section("year", _text(words, "sec_year"), title, text[:shown], tables=tables[:shown])


def _atypical(result: Result, s: Energy, site: str, imports: Floats, eur_per_kw: float) -> Atypical:
    """Return the season that leaves least room below the highest import."""
    local = result.forecasts.filter(pl.col("site") == site).sort("time")["local"]
    days = calendar(local.dt.date().min(), local.dt.date().max(), s.calendar).select("day", "public_holiday")  # type: ignore[arg-type]
    holiday = pl.DataFrame({"day": local.dt.date()}).join(days, on="day", how="left", maintain_order="left")["public_holiday"]
    seasons = [atypical_use(local, imports, holiday, season, s.atypical, eur_per_kw) for season in s.atypical.windows]
    return max(seasons, key=lambda found: found.inside_kw, default=Atypical(0.0, 0.0, 0.0, 0.0, granted=False))


def _sizes(result: Result, s: Energy, words: Words) -> list[Section]:
    """Return the table of battery sizes, or nothing for a run that has none."""
    found: list[dict[str, Any]] = result.extras.get("sizes", [])
    rows: list[list[Cell]] = []
    for one in found:
        saved, back = Interval(**one["saved_eur_per_year"]), Interval(**one["payback_years"])
        never = _text(words, "never") if back.value is None else words.range(back, lambda years: words.number(years, 1))
        rows.append([
            f"{one['site']}: {words.number(one['capacity_kwh'], 0)} kWh / {words.number(one['power_kw'], 0)} kW",
            (words.amount(saved.value, "eur", 0), words.range(saved, lambda value: words.amount(value, "eur", 0))),
            words.percent(one["captured"]),
            words.amount(one["invested_eur"], "eur", 0),
            (words.number(back.value, 1), never),
        ])  # fmt: skip
    if not rows:
        return []
    quickest = min((one for one in found if one["payback_years"]["value"]), key=lambda one: one["payback_years"]["value"], default=None)
    values = {} if quickest is None else {
        "capacity": words.number(quickest["capacity_kwh"], 0), "power": words.number(quickest["power_kw"], 0),
        "years": words.number(quickest["payback_years"]["value"], 1),
    }  # fmt: skip
    title = _text(words, "sec_sizes_none" if quickest is None else "sec_sizes_title", **values)
    head = [_text(words, f"col_{name}") for name in ("size", "per_year", "share", "invested", "payback")]
    text = _text(words, "sec_sizes_text", price=words.amount(s.sizing.eur_per_kwh, "eur", 0))
    return [
        Section(
            "sizes", _text(words, "sec_sizes"), title, (text,), tables=[Table(_text(words, "sec_sizes_caption"), head, rows, shown=True)]
        )
    ]


def _lines(  # noqa: PLR0913 - what a picture says and shows
    name: str, drawn: Mapping[str, Any], title: str, desc: str, words: Words, *, unit: str = "kw", marks: Sequence[str] = ()
) -> Markup:
    """Return lines over equal steps, one per policy, with a legend and the unit on the axis."""
    values = [float(value) for line in drawn.values() for value in line]
    at, ticks = svg.scale(values, TALL - 40, 40)
    steps = max(len(next(iter(drawn.values()))) - 1, 1)
    across = svg.Scale(0, steps, LEFT, RIGHT)
    legend = [(f"line {policy}", _text(words, f"leg_{'load' if policy == 'usual' else policy}")) for policy in drawn]
    parts = [svg.axis_y(at, ticks, LEFT, RIGHT, words.number), svg.label(6, 22, _text(words, f"axis_{unit}"))]
    parts.append(svg.legend(LEFT + 60, 22, legend))
    for policy, line in drawn.items():
        parts.append(svg.path([(across(place), at(float(value))) for place, value in enumerate(line)], f"line {policy}"))
    parts += [svg.label(across(place), TALL - 14, mark, "middle", "tick") for place, mark in enumerate(marks)]
    return svg.picture(f"energy-{name}", (WIDTH, TALL), title, desc, parts)
