"""The columns of a business that delivers: what was brought to whom, when the door is open, and today's fixed rounds."""

from pipelines.usecase import Column

HOURS = "hours of local time"

SCHEMA = {
    "day": Column("date", "time", "day of delivery (local date)", aliases="datum, tag, liefertag, lieferdatum, date"),
    "customer": Column("text", "key", "who is delivered to", aliases="kunde, kundenname, lieferstelle, abnehmer, stopp, customer, stop"),
    "crates": Column(
        "number", "outcome", "delivered, in units of the vehicles' capacity", unit="crates", minimum=0,
        aliases="kisten, körbe, menge, stiegen, kolli, crates, boxes, quantity",
    ),
    "service_minutes": Column(
        "number", "outcome", "time at the door", unit="minutes", minimum=0, maximum=240, optional=True, total="max",
        aliases="standzeit, entladezeit, abladezeit, service, dauer",
    ),
    "latitude": Column("number", "known", "where the customer is", unit="degrees north", minimum=-90, maximum=90, total="last",
                       aliases="breite, breitengrad, lat"),
    "longitude": Column("number", "known", "where the customer is", unit="degrees east", minimum=-180, maximum=180, total="last",
                        aliases="länge, längengrad, lon, lng"),
    "opens": Column("number", "known", "not to be delivered before", unit=HOURS, minimum=0, maximum=24, optional=True, total="last",
                    aliases="von, ab, fenster von, frühestens, opens, from"),
    "closes": Column("number", "known", "not to be delivered after", unit=HOURS, minimum=0, maximum=24, optional=True, total="last",
                     aliases="bis, fenster bis, spätestens, closes, until"),
    "usual_vehicle": Column("text", "decision", "vehicle of today's fixed rounds", optional=True,
                            aliases="fahrzeug, wagen, tour, fahrer, vehicle, route"),
    "usual_stop": Column("number", "decision", "place in today's fixed round", unit="1, 2, 3 …", minimum=0, optional=True, total="last",
                         aliases="reihenfolge, position, stoppnummer, sequence"),
}  # fmt: skip
