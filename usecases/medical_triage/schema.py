"""The columns of a visit or stay: what they hold, their unit, and *when* they become known.

Two moments decide what may enter: `arrival` (emergency department) and `discharge` (follow-up calls). A column known only at discharge is
refused where the decision falls at arrival.
"""

from pipelines.usecase import Column

VITALS = ("sbp", "dbp", "heart_rate", "respiratory_rate", "temperature_c", "spo2")
ARRIVAL_NUMBERS = ("age", "crowding", "pain_score", *VITALS, "chronic_conditions")
ARRIVAL_CATEGORIES = ("sex", "arrival_mode", "injury", "mental", "pain", "chronic_none", "reason")
STAY_NUMBERS = ("age", "length_of_stay", "lab_tests", "procedures", "medications", "outpatient_visits", "emergency_visits",
                "inpatient_stays", "diagnoses")  # fmt: skip
STAY_CATEGORIES = ("sex", "ethnicity", "admission_type", "admission_source", "discharge_to", "payer", "specialty", "diagnosis_1",
                   "diagnosis_2", "diagnosis_3")  # fmt: skip
FURTHER_NUMBERS = tuple(f"number_{place}" for place in range(1, 11))
FURTHER_CATEGORIES = tuple(f"category_{place}" for place in range(1, 27))
AT_DISCHARGE = frozenset({*STAY_NUMBERS, *STAY_CATEGORIES} - {"age", "sex", "ethnicity", "payer"})


def number(doc: str, unit: str, minimum: float = 0, maximum: float | None = None, aliases: str = "") -> Column:
    """Return an optional numeric column known at the decision; limits are those of the possible, not of the plausible."""
    return Column("number", "known", doc, unit=unit, minimum=minimum, maximum=maximum, optional=True, total="last", aliases=aliases)


def category(doc: str, aliases: str = "") -> Column:
    """Return an optional column of names or codes known at the decision."""
    return Column("text", "known", doc, optional=True, aliases=aliases)


KNOWN = {
    "patient": category("who: several visits of one patient stay on one side of a split", "patient, patnr, patienten id, patient nbr"),
    "site": category("hospital or department; never an input of the model", "haus, standort, klinik, site, group"),
    "human_level": number(
        "urgency given by a person: 1 is most urgent; business as usual, never an input of the model",
        "level",
        1,
        5,
        "triage, ktas, esi, mts, dringlichkeit",
    ),
    "complaint": category("chief complaint in the words of the person who wrote it down", "beschwerde, leitsymptom, chief complaint"),
    "age": number("age", "years", 0, 130, "alter, age"),
    "sex": category("sex", "geschlecht, sex, gender"),
    "arrival_mode": category("how the patient came: walking, car, ambulance", "ankunft, arrival mode"),
    "injury": category("injured", "verletzung, injury"),
    "mental": category("state of consciousness (AVPU): 1 alert, 2 voice, 3 pain, 4 unresponsive", "bewusstsein, mental, avpu"),
    "pain": category("has pain", "schmerz, pain"),
    "pain_score": number("pain on the numeric rating scale", "points of 10", 0, 10, "nrs, schmerzskala"),
    "sbp": number("systolic blood pressure", "mmHg", 0, 999, "systolisch, rr sys, sbp"),
    "dbp": number("diastolic blood pressure", "mmHg", 0, 999, "diastolisch, rr dia, dbp"),
    "heart_rate": number("heart rate", "per minute", 0, 999, "puls, herzfrequenz, hr"),
    "respiratory_rate": number("respiratory rate", "per minute", 0, 999, "atemfrequenz, rr"),
    "temperature_c": number("body temperature; °C unless [units] says otherwise", "°C", 0, 1200, "temperatur, temp, bt"),
    "spo2": number("oxygen saturation", "%", 0, 100, "sättigung, spo2, saturation"),
    "crowding": number("patients arriving per hour", "patients per hour", 0, None, "patienten je stunde"),
    "chronic_conditions": number("number of chronic conditions", "conditions"),
    "chronic_none": category("code that says whether there is no chronic condition"),
    "reason": category("coded reason for the visit", "anlass, reason"),
    "length_of_stay": number("length of the stay that ends", "days", aliases="verweildauer"),
    "lab_tests": number("laboratory tests of the stay", "tests"),
    "procedures": number("procedures of the stay", "procedures"),
    "medications": number("medications of the stay", "medications"),
    "outpatient_visits": number("outpatient visits in the year before", "visits"),
    "emergency_visits": number("emergency visits in the year before", "visits"),
    "inpatient_stays": number("inpatient stays in the year before", "stays"),
    "diagnoses": number("number of diagnoses", "diagnoses"),
    "ethnicity": category("ethnicity as recorded"),
    "admission_type": category("type of admission"),
    "admission_source": category("where the patient was admitted from"),
    "discharge_to": category("where the patient is discharged to"),
    "payer": category("who pays"),
    "specialty": category("specialty of the admitting physician"),
    **{f"diagnosis_{place}": category(f"diagnosis {place}, ICD code; the first three characters count") for place in (1, 2, 3)},
    **{name: number("further number of your own, known when the decision is taken", "as given") for name in FURTHER_NUMBERS},
    **{name: category("further category of your own, known when the decision is taken") for name in FURTHER_CATEGORIES},
}
AFTER = {
    "service_minutes": Column("number", "outcome", "minutes a physician spends with the patient: the queue is replayed with them",
                              unit="minutes", minimum=0, optional=True),
}  # fmt: skip
SCHEMA = {
    "arrival": Column("datetime", "time", "arrival or discharge, local time; without one in the data the order is drawn (see README)",
                      aliases="ankunft, datum, arrival, date"),
    "visit": Column("text", "key", "number of the visit or stay", aliases="fallnummer, fall, visit, encounter"),
    "event": Column("number", "outcome", "1: an emergency (or a readmission), 0: none", unit="0 or 1", minimum=0, maximum=1),
    **AFTER,
    **KNOWN,
    "dated": Column("flag", "known", "the arrival time is a real one", optional=True),
}  # fmt: skip
VISITS = {
    "arrival": Column("datetime", "known", "arrival or discharge, local time", optional=True, aliases="ankunft, datum, arrival"),
    "year": Column("number", "known", "year of the visit, where the data give no more", unit="year", optional=True),
    "visit": Column("text", "known", "number of the visit or stay", optional=True, aliases="fallnummer, visit"),
    "outcome": Column(
        "text",
        "known",
        "what happened, as the file says it; [outcome] says which values are events",
        aliases="notfall, ergebnis, ausgang, wiederaufnahme, emergency, readmitted, result, event",
    ),
    **{name: column for name, column in KNOWN.items() if name != "dated"},
    "age_band": Column("text", "known", "age band such as [70-80) or 70-79, where no age is given: its lower end counts", optional=True),
    "service_minutes": AFTER["service_minutes"],
}
TABLES = {"visits": VISITS}
