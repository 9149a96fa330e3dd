"""Small exports as a German office program writes them: one or more files per use case, headers in the words of the trade."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.settings import load_settings, read_toml
from tests.bakery import till_export
from usecases.mobility.simulate import CitySettings, simulate

Tables = Mapping[str, pl.DataFrame]


def german(table: pl.DataFrame, headers: Mapping[str, str], stamp: str = "%d.%m.%Y") -> str:
    """Return the named columns as text: semicolons, decimal commas, German dates."""
    told = table.select(pl.col(ours).alias(header) for ours, header in headers.items())
    dates = told.with_columns(pl.col(pl.Date, pl.Datetime).dt.strftime(stamp))
    commas = dates.with_columns(pl.col(pl.Float64).cast(pl.String).str.replace(".", ",", literal=True))
    return commas.write_csv(separator=";")


def simulated(name: str) -> tuple[Tables, Any]:
    """Return the embedded tables of a use case and its example settings."""
    case = import_module(f"usecases.{name}").CASE
    settings = load_settings(case.settings, {"case": name}, read_toml(case.folder / "settings.toml"))
    return case.simulate(settings), settings


def bakery_files() -> dict[str, str]:
    return {"Umsätze 2024.csv": "\n".join(["Kassenbericht;;;;", "", *till_export()]) + "\n"}


def visit_files() -> dict[str, str]:
    visits = simulated("medical_triage")[0]["visits"].head(8000)
    headers = {"arrival": "Ankunft", "visit": "Fallnummer", "outcome": "Notfall", "human_level": "MTS", "complaint": "Leitsymptom",
               "age": "Alter", "sex": "Geschlecht", "heart_rate": "Puls", "spo2": "Sättigung"}  # fmt: skip
    return {"Besuche.csv": german(visits, headers, "%d.%m.%Y %H:%M")}


def load_files() -> dict[str, str]:
    tables = simulated("energy")[0]
    load = tables["load"].filter(pl.col("time").dt.year() == 2023)
    prices = tables["prices"].filter(pl.col("time").dt.year() == 2023)
    return {
        "Lastgang.csv": german(load, {"time": "Zeitstempel", "load": "Leistung"}, "%d.%m.%Y %H:%M"),
        "Börsenpreise.csv": german(prices, {"time": "Zeit", "price": "Spotpreis"}, "%d.%m.%Y %H:%M"),
    }


def delivery_files() -> dict[str, str]:
    tables = simulated("delivery_rounds")[0]
    customers = tables["customers"].head(12)
    few = tables["deliveries"].join(customers, on="customer", how="semi", maintain_order="left")
    days = few["day"].unique().sort()
    recent = few.filter(pl.col("day") >= days[-180])
    headers = {"day": "Lieferdatum", "customer": "Kunde", "crates": "Kisten", "usual_vehicle": "Wagen", "usual_stop": "Reihenfolge"}
    places = {"customer": "Kunde", "latitude": "Breite", "longitude": "Länge", "opens": "von", "closes": "bis"}
    return {"Lieferungen.csv": german(recent, headers), "Kunden.csv": german(customers, places)}


def trip_files() -> dict[str, str]:
    city = simulate(CitySettings(stations=5, days=180))
    trips = {"start": "Startzeit", "end": "Endzeit", "vehicle": "Rad", "origin": "Startstation", "destination": "Zielstation"}
    places = {"station": "Stations-ID", "name": "Name", "latitude": "Breite", "longitude": "Länge", "capacity": "Plätze"}
    return {"Fahrten.csv": german(city.trips, trips, "%d.%m.%Y %H:%M:%S"), "Stationen.csv": german(city.stations, places)}


FILES: dict[str, Callable[[], dict[str, str]]] = {
    "food_waste": bakery_files,
    "medical_triage": visit_files,
    "energy": load_files,
    "delivery_rounds": delivery_files,
    "mobility": trip_files,
}


def exported(name: str, folder: Path) -> list[Path]:
    """Write the exports of a use case as Windows-1252 and return the files, the main one first."""
    written = []
    for file, content in FILES[name]().items():
        path = folder / file
        path.write_bytes(content.replace("\n", "\r\n").encode("cp1252"))
        written.append(path)
    return written
