"""The rows (one per station and day) and the user's own tables from which they are put together."""

from pipelines.usecase import Column

SCHEMA = {
    "day": Column("date", "time", "the day planned for; the tour is driven in the night before"),
    "station": Column("text", "key", "station id"),
    "name": Column("text", "known", "station name", optional=True),
    "latitude": Column("number", "known", "latitude", unit="degrees", minimum=-90, maximum=90),
    "longitude": Column("number", "known", "longitude", unit="degrees", minimum=-180, maximum=180),
    "capacity": Column("number", "known", "vehicles the station holds, never below its stock", unit="vehicles", minimum=1),
    "docks": Column("number", "known", "vehicles the station holds by the feed or the settings", unit="vehicles", minimum=1),
    "stock": Column("number", "known", "vehicles there at midnight", unit="vehicles", minimum=0),
    "day_off": Column("flag", "known", "weekend or public holiday"),
    "status": Column("number", "known", "vehicles there by the latest status feed, for tonight's plan", unit="vehicles", optional=True),
    "roads": Column("text", "known", "minutes and km to other stations: id minutes km|...", optional=True),
    "rentals": Column("number", "outcome", "rentals of the day", unit="trips", minimum=0),
    "returns": Column("number", "outcome", "returns of the day", unit="trips", minimum=0),
    "departures": Column("text", "outcome", "trips that start here: minute, minute of return, destination|...", optional=True),
    "arrivals": Column("text", "outcome", "minutes of all returns here", optional=True),
    "empty_minutes": Column("text", "outcome", "minutes without a vehicle: rentals then are censored; from-to from-to", optional=True),
    "full_minutes": Column("text", "outcome", "minutes without room: returns then are censored; from-to from-to", optional=True),
    "operator": Column("number", "decision", "vehicles the real operator brought (-: took) before the day", unit="vehicles", optional=True),
}

TABLES = {
    "trips": {
        "start": Column("datetime", "time", "start, local time", aliases="Starttime, start_time, started_at, Startzeit, Beginn"),
        "end": Column("datetime", "known", "end, local time", aliases="Stoptime, end_time, ended_at, Endzeit, Ende"),
        "vehicle": Column("text", "key", "vehicle id", aliases="Bikeid, bike_number, bike_id, Fahrrad, Rad"),
        "origin": Column(
            "text", "known", "station id at the start", optional=True, aliases="From station id, start_station_id, Startstation"
        ),
        "destination": Column(
            "text", "known", "station id at the end", optional=True, aliases="To station id, end_station_id, Zielstation"
        ),
        "start_latitude": Column("number", "known", "where the trip starts, in place of a station", unit="degrees", optional=True),
        "start_longitude": Column("number", "known", "where the trip starts, in place of a station", unit="degrees", optional=True),
        "end_latitude": Column("number", "known", "where the trip ends, in place of a station", unit="degrees", optional=True),
        "end_longitude": Column("number", "known", "where the trip ends, in place of a station", unit="degrees", optional=True),
    },
    "stations": {
        "station": Column("text", "key", "station id", aliases="id, station_id, uid, Station #, Stations-ID"),
        "updated": Column("datetime", "known", "time of the status", optional=True, aliases="minute, last_reported"),
        "name": Column("text", "known", "station name", optional=True, aliases="Station Name, Name"),
        "latitude": Column("number", "known", "latitude", unit="degrees", aliases="lat, Breite"),
        "longitude": Column("number", "known", "longitude", unit="degrees", aliases="lon, lng, Länge"),
        "capacity": Column("number", "known", "docks", unit="vehicles", optional=True, aliases="cap, # of Racks, docks, Plätze"),
        "vehicles": Column(
            "number", "known", "vehicles there at `updated`", unit="vehicles", optional=True, aliases="bike_count, num_bikes_available"
        ),
        "renting": Column("flag", "known", "the station rents out", optional=True),
        "virtual": Column("flag", "known", "a drawn area without docks", optional=True),
    },
    "roads": {
        "origin": Column("text", "key", "station id, or depot", aliases="from, von"),
        "destination": Column("text", "key", "station id, or depot", aliases="to, nach"),
        "minutes": Column("number", "known", "driving time", unit="minutes", minimum=0),
        "km": Column("number", "known", "driving distance", unit="km", minimum=0),
    },
}
