"""Mobility: stock and moves from vehicle ids, one day ridden by hand, feeds with faults, and the day plan of a simulated city."""

import json
from datetime import date, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.settings import load_settings, read_toml
from pipelines.texts import text
from usecases.mobility import CASE, gbfs
from usecases.mobility.curves import realised_curves
from usecases.mobility.faults import faults
from usecases.mobility.packed import one_day
from usecases.mobility.ride import Day, ride
from usecases.mobility.sheets import driven, geojson
from usecases.mobility.trips import assemble
from usecases.mobility.upcoming import upcoming

NEAREST = np.array([[0, 1], [1, 0]])
assert CASE.folder is not None
SETTINGS = load_settings(CASE.settings, read_toml(CASE.folder / "settings.toml"))


def stations(**other):
    table = {
        "station": ["A", "B"],
        "name": ["Am Tor", "Bahnhof"],
        "latitude": [52.0, 52.01],
        "longitude": [8.0, 8.01],
        "capacity": [6.0, 8.0],
    }
    return pl.DataFrame(table | other)


def trips(*rows):
    moments = [(*(datetime(2025, 3, day, hour, minute) for minute in (0, 20)), *rest) for day, hour, *rest in rows]  # noqa: DTZ001 - local
    return pl.DataFrame(moments, schema=["start", "end", "vehicle", "origin", "destination"], orient="row")


def test_a_day_ridden_by_hand():
    day = Day(np.array([480, 490, 500, 530]), np.array([0, 0, 1, 0]), np.array([1, 1, 0, 1]), np.array([520, 525, 530, 700]))
    ridden = ride(day, np.array([1, 1]), np.array([2, 1]), NEAREST)
    # A to B rides; ten minutes later A is empty: lost; B to A rides and is back just in time for 8:50 to B, which is full by then
    assert ridden.lost.tolist() == [1, 0]
    assert ridden.overflow.tolist() == [0, 1]
    assert ridden.stock.tolist() == [1, 1]


def test_stock_and_moves_follow_the_vehicle():
    table = trips((3, 8, "r1", "A", "B"), (4, 9, "r2", "A", "A"), (5, 8, "r1", "A", "B"), (20, 8, "r2", "A", "B"))
    rows = assemble({"trips": table, "stations": stations()}, SETTINGS)
    stock = {(row["station"], row["day"].day): row["stock"] for row in rows.iter_rows(named=True)}
    assert [stock["B", day] for day in (4, 5, 6)] == [1, 1, 1]
    assert stock["A", 5] == 1
    moved = rows.filter((pl.col("day") == date(2025, 3, 5)) & (pl.col("operator") != 0))
    assert dict(moved.select("station", "operator").rows()) == {"A": 1.0, "B": -1.0}  # r1 was left at B and starts at A


def test_the_realised_curve_is_what_the_ride_says_for_every_stock():
    table = trips((3, 8, "r1", "A", "B"), (3, 9, "r2", "A", "B"), (3, 10, "r3", "B", "A"), (4, 9, "r2", "B", "A"))
    rows = assemble({"trips": table, "stations": stations()}, SETTINGS).filter(pl.col("day") == date(2025, 3, 3))
    curves = realised_curves(rows, np.array([6, 8]), 9, 0.5)
    for stock in range(7):
        ridden = ride(one_day(rows), np.array([stock, 4]), np.array([6, 8]), NEAREST)
        assert curves[0, stock] == ridden.lost[0] + 0.5 * ridden.overflow[0]


def test_missing_docks_are_asked_for_and_never_invented():
    table = trips((3, 8, "r1", "A", "B"))
    with pytest.raises(InputError, match=r"\[stations\] capacity"):
        assemble({"trips": table, "stations": stations(capacity=[None, None])}, SETTINGS)
    given = SETTINGS.model_copy(update={"stations": SETTINGS.stations.model_copy(update={"own_capacity": {"A": 7, "B": 9}})})
    rows = assemble({"trips": table, "stations": stations(capacity=[None, 0.0])}, given)
    assert set(rows["docks"]) == {7.0, 9.0}


FIRST = pl.when(pl.col("vehicle") == "r1")
FAULTY = {
    "double_station": {"stations": lambda t: pl.concat([t, t.head(1)])},
    "capacity_zero": {"stations": lambda t: t.with_columns(capacity=pl.when(pl.col("station") == "A").then(0.0).otherwise("capacity"))},
    "capacity_missing": {"stations": lambda t: t.with_columns(capacity=pl.when(pl.col("station") == "A").then(None).otherwise("capacity"))},
    "capacity_small": {"stations": lambda t: t.with_columns(capacity=pl.when(pl.col("station") == "A").then(2.0).otherwise("capacity"))},
    "virtual": {"stations": lambda t: t.with_columns(virtual=pl.col("station") == "A")},
    "nowhere": {"stations": lambda t: t.with_columns(latitude=pl.when(pl.col("station") == "A").then(None).otherwise("latitude"))},
    "not_renting": {"stations": lambda t: t.with_columns(renting=pl.col("station") != "A")},
    "no_status": {"stations": lambda t: t.with_columns(vehicles=pl.when(pl.col("station") == "A").then(None).otherwise(3.0))},
    "more_than_docks": {"stations": lambda t: t.with_columns(vehicles=pl.when(pl.col("station") == "A").then(30.0).otherwise(3.0))},
    "negative_stock": {"stations": lambda t: t.with_columns(vehicles=pl.when(pl.col("station") == "A").then(-1.0).otherwise(3.0))},
    "unknown_origin": {"trips": lambda t: pl.concat([t, trips((4, 9, "r9", "X", "B"))])},
    "unknown_destination": {"trips": lambda t: pl.concat([t, trips((4, 9, "r9", "B", "X"))])},
    "backwards": {"trips": lambda t: t.with_columns(end=FIRST.then(pl.col("start").dt.offset_by("-1h")).otherwise("end"))},
    "double_trip": {"trips": lambda t: pl.concat([t, t.head(1)])},
    "round_trips": {"trips": lambda t: pl.concat([t, trips((4, 9, "r9", "A", "A"))])},
    "long_trips": {"trips": lambda t: t.with_columns(end=FIRST.then(pl.col("start").dt.offset_by("13h")).otherwise("end"))},
    "overlap": {"trips": lambda t: pl.concat([t, t.head(1).with_columns(start=pl.col("start").dt.offset_by("5m"))])},
    "clock_change": {"trips": lambda t: pl.concat([t, trips((30, 2, "r9", "A", "B"))])},
    "moved": {"trips": lambda t: pl.concat([t, trips((5, 9, "r1", "A", "B"))])},
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_feed_is_named_with_its_station_and_a_remedy(fault):
    sound = {"trips": trips((3, 8, "r1", "A", "B"), (4, 8, "r2", "B", "A")), "stations": stations()}
    assert [key for key, _ in faults(sound, SETTINGS)] == ["mobility.fault_no_roads"]
    broken = sound | {name: change(sound[name]) for name, change in FAULTY[fault].items()}
    found = dict(faults(broken, SETTINGS))
    assert f"mobility.fault_{fault}" in found
    for lang in ("en", "de"):
        said = text(f"mobility.fault_{fault}", lang, **found[f"mobility.fault_{fault}"])
        assert any(name in said for name in ("A", "B", "X"))


def feed(version, names, **extra):
    information = {"station_id": "A", "name": names, "lat": 52.0, "lon": 8.0, "capacity": 6} | extra
    return {"version": version, "data": {"stations": [information]}}


def test_feeds_of_three_versions_give_the_same_row():
    old = {"station_id": "A", "num_bikes_available": 4, "is_renting": 1, "is_returning": 1, "is_installed": 1, "last_reported": 1750000000}
    new = {"station_id": "A", "num_vehicles_available": 4, "is_renting": True, "is_returning": True, "is_installed": True}
    new["last_reported"] = "2025-06-15T15:06:40+00:00"
    localised = [{"text": "Am Tor", "language": "de"}]
    tables = [
        gbfs.stations(feed("1.1", "Am Tor"), {"data": {"stations": [old]}})[0],
        gbfs.stations(feed("2.3", "Am Tor"), {"data": {"stations": [old]}})[0],
        gbfs.stations(feed("3.0", localised), {"data": {"stations": [new]}})[0],
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert tables[0].row(0, named=True)["vehicles"] == 4.0
    assert gbfs.stations(feed("2.3", "Tor", is_virtual_station=True), None)[0]["virtual"].to_list() == [True]


def test_feeds_that_are_none_are_refused_and_the_command_writes_a_table(tmp_path, capsys):
    for content, key in ((b"<html>", "gbfs_not_json"), (b"[]", "gbfs_no_data"), (b'{"data": {"stations": 3}}', "gbfs_no_information")):
        (tmp_path / "feed.json").write_bytes(content)
        with pytest.raises(InputError) as raised:
            gbfs.read([str(tmp_path / "feed.json")])
        assert raised.value.key == f"mobility.{key}"
    (tmp_path / "feed.json").write_text(json.dumps(feed("2.3", "Am Tor")), encoding="utf-8")
    status = {"data": {"stations": [{"station_id": "Z", "num_bikes_available": 1}]}}
    (tmp_path / "status.json").write_text(json.dumps(status), encoding="utf-8")
    asked = [str(tmp_path / "feed.json"), str(tmp_path / "status.json"), "--out", str(tmp_path / "stations.csv")]
    assert gbfs.main(asked) == 0
    assert "Z" in capsys.readouterr().err
    assert pl.read_csv(tmp_path / "stations.csv").height == 1
    assert gbfs.main([str(tmp_path / "absent.json")]) == 2


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_system_is_read_from_the_address_of_its_list_of_feeds(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        names = ("station_information", "station_status")
        listed = {"data": {"de": {"feeds": [{"name": name, "url": f"{address}/{name}.json"} for name in names]}}}
        status = {"data": {"stations": [{"station_id": "A", "num_bikes_available": 4, "last_reported": 1750000000}]}}
        for name, content in (("gbfs", listed), (names[0], feed("2.3", "Am Tor")), (names[1], status)):
            (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        table, found = gbfs.read([f"{address}/gbfs.json"])
        with pytest.raises(InputError, match="nowhere"):
            gbfs.read([f"{address}/nowhere.json"])
        server.shutdown()
    assert table.select("station", "vehicles", "capacity").rows() == [("A", 4.0, 6.0)]
    assert not found


def test_the_day_after_the_data_starts_with_what_the_trips_left():
    table = trips((3, 8, "r1", "A", "B"), (4, 8, "r2", "B", "A"), (4, 9, "r3", "A", "B"))
    rows = assemble({"trips": table, "stations": stations()}, SETTINGS)
    tomorrow = upcoming(rows, SETTINGS, date(2025, 3, 5))
    assert tomorrow["rentals"].null_count() == tomorrow.height
    assert dict(tomorrow.select("station", "stock").rows()) == {"A": 0.0, "B": 1.0}
    with pytest.raises(InputError, match="data end on"):
        upcoming(rows, SETTINGS, date(2025, 3, 9))


def test_the_driver_starts_at_the_depot_learns_when_he_arrives_and_comes_back():
    night = stations(stock=[5, 0], change=[-3.0, 3.0], stop=[1.0, 2.0], reason=["", ""], roads=["6.0 4.0 B", "7.0 5.0 A"])
    lines = driven(night, SETTINGS, "en")
    # two minutes a stop, one a bike: loading at the depot ends at 5, six minutes of road, unloading ends at 16, seven minutes back
    assert [(line[3], line[4], line[5], line[6]) for line in lines] == [
        ("start", "", 0, 0), ("load 3", 2, 3, 0), ("unload 3", 3, 0, 11), ("back at the depot", "", 0, 23),
    ]  # fmt: skip
    assert driven(night.with_columns(stop=0.0, change=0.0), SETTINGS, "en") == []
    shapes = [feature["geometry"] for feature in json.loads(geojson(night, SETTINGS, tour=True))["features"]]
    assert [shape["type"] for shape in shapes] == ["Point", "Point", "LineString", "Point"]
    assert shapes[2]["coordinates"] == [[8.0, 52.0], [8.0, 52.0], [8.01, 52.01], [8.0, 52.0]]
