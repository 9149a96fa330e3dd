"""The columns of a site's quarter hours, and the tables they are made of."""

from pipelines.usecase import Column

SITE = Column("text", "key", "metering point", aliases="standort, zähler, zählpunkt, messstelle, marktlokation, site, meter, anlage")
TIME_WORDS = "zeit, zeitstempel, datum, datum uhrzeit, timestamp, time, von, beginn, start, bis, ende, t, t_start, t_local"

SCHEMA = {
    "time": Column("datetime", "time", "start of the quarter hour in standard time all year (UTC+1), so that no hour occurs twice"),
    "site": SITE,
    "load_kw": Column("number", "outcome", "mean load of the quarter hour without battery and without waiting load", unit="kW"),
    "pv_kw": Column("number", "outcome", "mean PV power of the quarter hour", unit="kW", optional=True),
    "local": Column("datetime", "known", "the same start on the clock"),
    "spot_eur_per_kwh": Column("number", "known", "day-ahead price", unit="EUR/kWh", optional=True),
    "co2_g_per_kwh": Column("number", "known", "CO2 of grid power", unit="g/kWh", minimum=0, optional=True),
    "temperature_c": Column("number", "known", "temperature as forecast at noon of the day before", unit="°C", optional=True),
    "waiting_kw": Column(
        "number", "known", "load that may wait, if served at once (vans on arrival, jobs on request)", unit="kW", optional=True
    ),
    "latest_kw": Column("number", "known", "the same load, if served as late as its deadlines allow", unit="kW", optional=True),
    "waiting_most_kw": Column("number", "known", "largest power the waiting load can take", unit="kW", optional=True),
}

_TIME = Column("datetime", "time", "time stamp of the interval", aliases=TIME_WORDS)
TABLES = {
    "load": {
        "time": _TIME,
        "site": SITE,
        "load": Column(
            "number",
            "outcome",
            "load, in the unit that [meter] states",
            aliases="leistung, last, verbrauch, bezug, wert, kw, kwh, load, power, lastgang, wirkleistung, zählerstand",
        ),
    },
    "pv": {
        "time": _TIME,
        "site": SITE,
        "pv_kw": Column("number", "outcome", "PV power", unit="kW", minimum=0, aliases="pv, erzeugung, einspeisung, solar, photovoltaik"),
    },
    "prices": {
        "time": _TIME,
        "price": Column(
            "number",
            "known",
            "day-ahead price, in the unit that [meter] states",
            aliases="preis, price, spotpreis, börsenpreis, day ahead, eur_per_mwh, eur/mwh",
        ),
    },
    "co2": {
        "time": _TIME,
        "co2_g_per_kwh": Column(
            "number",
            "known",
            "CO2 of grid power",
            unit="g/kWh",
            minimum=0,
            maximum=2000,
            aliases="co2, emissionsfaktor, ci_mix_g_per_kwh, g/kwh",
        ),
    },
    "weather": {
        "time": _TIME,
        "temperature_c": Column(
            "number", "known", "temperature forecast", unit="°C", minimum=-60, maximum=60, aliases="temperatur, temperature, temp"
        ),
    },
    "waiting": {
        "time": Column(
            "datetime", "time", "arrival of a van, or earliest start of a job", aliases="ankunft, arrival, frühester beginn, start, beginn"
        ),
        "site": SITE,
        "deadline": Column(
            "datetime", "known", "departure, or latest end", aliases="abfahrt, departure, frist, spätestes ende, ende, deadline"
        ),
        "energy_kwh": Column("number", "known", "energy wanted", unit="kWh", minimum=0, aliases="energie, kwh, energy, bedarf"),
        "most_kw": Column("number", "known", "largest power", unit="kW", minimum=0, aliases="ladeleistung, leistung, kw, power"),
    },
}
