"""Load that may wait: vans to be charged before they leave, jobs with a latest end, as two courses of power per site."""

import polars as pl

from pipelines.errors import InputError
from usecases.energy.clock import on_the_clock
from usecases.energy.settings import Energy

QUARTER = 0.25  # hours


def waiting_columns(rows: pl.DataFrame, sessions: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the rows with `waiting_kw` (all served at once), `latest_kw` (as late as deadlines allow), `waiting_most_kw`.

    Each session is served at its largest power from its arrival, or up to its deadline. Any course of cumulated energy between the two
    serves one session in time; of several sessions together it is an approximation (their sum is exact, the split is not kept). What a
    session cannot take before its deadline is cut off and named by the report as late from the start.

    Raises
    ------
    InputError
        A deadline before the arrival, or energy without power.
    """
    bad = sessions.filter((pl.col("deadline") <= pl.col("time")) | ((pl.col("most_kw") <= 0) & (pl.col("energy_kwh") > 0)))
    if bad.height:
        first = bad.row(0, named=True)
        shown = {"arrival": f"{first['time']:%Y-%m-%d %H:%M}", "deadline": f"{first['deadline']:%Y-%m-%d %H:%M}"}
        raise InputError("energy.bad_session", count=bad.height, site=first["site"], power=first["most_kw"], **shown)
    numbered = sessions.with_row_index("number")
    names = {"time": "arrival", "deadline": "deadline"}
    moments = {name: numbered.select("number", time=pl.col(column), site=pl.lit("-")) for column, name in names.items()}
    meter = s.meter.model_copy(update={"stamps": "start"})
    placed = numbered.select("number", "site", "energy_kwh", "most_kw")
    for name, frame in moments.items():
        unique = frame.with_columns(site=pl.col("number").cast(pl.String))  # each session its own series: equal stamps are no doubles
        clocked = on_the_clock(unique, "waiting", meter) if meter.zone != "local" else _legal(unique)
        placed = placed.join(clocked.select("number", pl.col("time").dt.truncate("15m").alias(name)), on="number", how="left")
    parts = [_course(session) for session in placed.iter_rows(named=True)]
    if not parts:
        return rows
    total = pl.concat(parts).group_by("time", "site", maintain_order=True).agg(pl.all().sum())
    joined = rows.join(total, on=["time", "site"], how="left", maintain_order="left")
    return joined.with_columns(pl.col(name).fill_null(0.0) for name in ("waiting_kw", "latest_kw", "waiting_most_kw"))


def _legal(frame: pl.DataFrame) -> pl.DataFrame:
    """Return legal time as standard time; a moment in the doubled hour is taken as summer time, one in the missing hour an hour later."""
    stamps = frame["time"].dt.replace_time_zone("Europe/Berlin", ambiguous="earliest", non_existent="null")
    later = (frame["time"] + pl.duration(hours=1)) if stamps.has_nulls() else frame["time"]
    if stamps.has_nulls():
        moved = frame.select(later).to_series().dt.replace_time_zone("Europe/Berlin", ambiguous="earliest", non_existent="null")
        stamps = pl.select(pl.coalesce(stamps, moved)).to_series()
    return frame.with_columns(time=stamps.dt.convert_time_zone("UTC").dt.replace_time_zone(None) + pl.duration(hours=1))


def _course(session: dict[str, object]) -> pl.DataFrame:
    """Return the quarter hours of one session: power at once, power at the latest, power possible, kW."""
    times = pl.datetime_range(session["arrival"], session["deadline"], "15m", closed="left", eager=True)  # type: ignore[call-overload]
    most, energy = float(session["most_kw"]), float(session["energy_kwh"])  # type: ignore[arg-type]
    possible = min(energy, most * QUARTER * len(times))
    step = pl.int_range(len(times), eager=True)
    done = (step * most * QUARTER).clip(upper_bound=possible)
    after = ((step + 1) * most * QUARTER).clip(upper_bound=possible)
    power = (after - done) / QUARTER
    frame = pl.DataFrame({"time": times, "waiting_kw": power, "latest_kw": power.reverse(), "waiting_most_kw": [most] * len(times)})
    return frame.with_columns(site=pl.lit(session["site"])).cast({"waiting_kw": pl.Float64, "latest_kw": pl.Float64})
