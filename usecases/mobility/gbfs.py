"""Station feeds in the General Bikeshare Feed Specification, versions 1.0 to 3.0: read, checked, written as one table.

    python -m usecases.mobility.gbfs https://.../gbfs.json --out stations.csv
    python -m usecases.mobility.gbfs station_information.json station_status.json --out stations.csv

Names differ between versions: num_bikes_available became num_vehicles_available, is_renting 1 became true, names became lists of
translations, POSIX seconds became RFC 3339 (https://github.com/MobilityData/gbfs). A feed is fetched only here and only from an address
that the user states; `musterwerk run` and `plan` read the table.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import InputError, Said
from pipelines.texts import text

FEEDS = ("station_information", "station_status")
TIMEOUT_S = 20
Kinds = dict[str, pl.DataType | type[pl.DataType]]
COLUMNS: Kinds = {"station": pl.String, "name": pl.String, "latitude": pl.Float64, "longitude": pl.Float64,
           "capacity": pl.Float64, "vehicles": pl.Float64,
           "updated": pl.Datetime("us"), "renting": pl.Boolean, "virtual": pl.Boolean}  # fmt: skip
Fault = tuple[str, dict[str, Any]]


def parsed(content: bytes, source: str) -> dict[str, Any]:
    """Return a feed's JSON; raise InputError when it is none, or no GBFS."""
    try:
        feed = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError("mobility.gbfs_not_json", source=source, problem=error) from None
    if not isinstance(feed, dict) or not isinstance(feed.get("data"), dict):
        raise InputError("mobility.gbfs_no_data", source=source)
    return feed


def kind(feed: Mapping[str, Any]) -> str:
    """Return what a feed holds: station_information, station_status, gbfs (a list of feeds), or an empty text."""
    data = feed["data"]
    stations = data.get("stations")
    if isinstance(stations, list):
        first = next((entry for entry in stations if isinstance(entry, dict)), {})
        return "station_status" if any(name.startswith(("num_", "is_renting")) for name in first) else "station_information"
    return "gbfs" if "feeds" in data or any(isinstance(value, dict) and "feeds" in value for value in data.values()) else ""


def links(feed: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses of the station feeds in a gbfs.json: by language up to version 2, without from 3.0 on."""
    data = feed["data"]
    lists = (
        [data["feeds"]] if "feeds" in data else [value["feeds"] for value in data.values() if isinstance(value, dict) and "feeds" in value]
    )
    return {entry["name"]: entry["url"] for feeds in lists[:1] for entry in feeds if entry.get("name") in FEEDS}


def stations(information: Mapping[str, Any], status: Mapping[str, Any] | None) -> tuple[pl.DataFrame, list[Fault]]:
    """Return one row per station entry with the latest status beside it, and what cannot be used of the feed itself.

    Doubled entries stay doubled and odd values stay odd: `musterwerk check` and `run` name them with their remedy.
    """
    found: list[Fault] = []
    entries = _entries(information, found)
    rows = [_row(entry) for entry in entries]
    table = pl.DataFrame(rows, schema={name: COLUMNS[name] for name in ("station", "name", "latitude", "longitude", "capacity", "virtual")})
    if status is None:
        found.append(("mobility.gbfs_no_status", {}))
        empty = [pl.lit(None, dtype=COLUMNS[name]).alias(name) for name in ("vehicles", "updated", "renting")]
        return table.with_columns(empty).select(*COLUMNS), found
    states = [_state(entry) for entry in _entries(status, found)]
    known = pl.DataFrame(states, schema={name: COLUMNS[name] for name in ("station", "vehicles", "updated", "renting")})
    strange = known.filter(~pl.col("station").is_in(table["station"].implode()))
    if strange.height:
        found.append(("mobility.gbfs_status_unknown", {"count": strange.height, "stations": ", ".join(strange["station"].head(5))}))
    double = known.filter(pl.col("station").is_duplicated())
    if double.height:
        found.append(
            (
                "mobility.gbfs_status_double",
                {"count": double.height, "stations": ", ".join(double["station"].unique(maintain_order=True).head(5))},
            )
        )
    latest = known.sort("updated", nulls_last=False, maintain_order=True).unique("station", keep="last", maintain_order=True)
    return table.join(latest, on="station", how="left", maintain_order="left").select(*COLUMNS), found


def _entries(feed: Mapping[str, Any], found: list[Fault]) -> list[dict[str, Any]]:
    listed = feed["data"].get("stations")
    if not isinstance(listed, list):
        raise InputError("mobility.gbfs_no_data", source="stations")
    sound = [entry for entry in listed if isinstance(entry, dict) and entry.get("station_id") not in (None, "")]
    if len(sound) < len(listed):
        found.append(("mobility.gbfs_no_id", {"count": len(listed) - len(sound)}))
    return sound


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    virtual = bool(entry.get("is_virtual_station") or entry.get("station_area"))
    return {"station": str(entry["station_id"]), "name": _name(entry.get("name")), "latitude": _number(entry.get("lat")),
            "longitude": _number(entry.get("lon")), "capacity": _number(entry.get("capacity")), "virtual": virtual}  # fmt: skip


def _state(entry: Mapping[str, Any]) -> dict[str, Any]:
    vehicles = entry.get("num_vehicles_available", entry.get("num_bikes_available"))
    open_ = [entry.get(name) for name in ("is_installed", "is_renting", "is_returning") if entry.get(name) is not None]
    return {"station": str(entry["station_id"]), "vehicles": _number(vehicles), "updated": _moment(entry.get("last_reported")),
            "renting": all(bool(flag) for flag in open_) if open_ else None}  # fmt: skip


def _name(value: Any) -> str | None:
    if isinstance(value, list):
        return next((str(entry["text"]) for entry in value if isinstance(entry, dict) and "text" in entry), None)
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _moment(value: Any) -> datetime | None:
    """Return a moment in UTC without zone, from POSIX seconds or RFC 3339."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        return datetime.fromisoformat(str(value)).astimezone(UTC).replace(tzinfo=None) if value else None
    except (ValueError, OverflowError, OSError):
        return None


def content_of(source: str) -> bytes:
    """Return a feed from a file or an http(s) address; raise InputError when it cannot be read."""
    if source.startswith(("http://", "https://")):
        from urllib.error import URLError
        from urllib.request import urlopen

        try:
            with urlopen(source, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the scheme is checked above
                return bytes(answer.read())
        except (URLError, TimeoutError, OSError) as error:
            raise InputError("mobility.gbfs_unreachable", source=source, problem=error) from None
    if not Path(source).is_file():
        raise InputError("mobility.gbfs_unreachable", source=source, problem=Said("cli.no_such_file", {}))
    return Path(source).read_bytes()


def read(sources: Sequence[str]) -> tuple[pl.DataFrame, list[Fault]]:
    """Return the station table of feeds: gbfs.json alone, or station_information with or without station_status."""
    feeds: dict[str, Mapping[str, Any]] = {}
    for source in sources:
        feed = parsed(content_of(source), source)
        if kind(feed) == "gbfs":
            for name, link in links(feed).items():
                feeds[name] = parsed(content_of(link), link)
        else:
            feeds[kind(feed)] = feed
    if "station_information" not in feeds:
        raise InputError("mobility.gbfs_no_information", source=", ".join(sources))
    return stations(feeds["station_information"], feeds.get("station_status"))


def main(arguments: Sequence[str]) -> int:
    """Read feeds, name their faults on stderr, write the table."""
    reader = argparse.ArgumentParser(prog="python -m usecases.mobility.gbfs", description="Station feeds (GBFS) to one table of stations.")
    reader.add_argument("feed", nargs="+", help="gbfs.json, or station_information and station_status: files or addresses")
    reader.add_argument("--out", type=Path, default=Path("stations.csv"), help="table to write (default: stations.csv)")
    reader.add_argument("--lang", choices=("de", "en"), default="en")
    asked = reader.parse_args(arguments)
    try:
        table, found = read(asked.feed)
    except InputError as error:
        sys.stderr.write(error.render(asked.lang) + "\n")
        return error.exit_code
    for key, values in found:
        sys.stderr.write(text(key, asked.lang, **values) + "\n")
    unfinished = asked.out.with_name(f".{asked.out.name}.part")
    table.write_csv(unfinished)
    unfinished.replace(asked.out)
    sys.stdout.write(f"{asked.out}: {table.height}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
