"""The fields that a run's record can fill: each asks the record alone and is None where the record is silent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.evidence import FACTS
from pipelines.papers.record import LOG, Fact, Record

NOT_SHOWN = ("data.", "case")  # settings that say where rows come from, not how
HASHED = 16  # letters of a sha256 that a reader compares
SAVING = ("unit", "usual", "plan", "perfect", "saved.value", "saved.low", "saved.high", "captured.value", "captured.low", "captured.high")
ENDS = ("value", "low", "high")
COLUMN = ("role", "kind", "unit", "minimum", "maximum", "filled", "doc")


@dataclass(frozen=True)
class Answer:
    """A sentence with facts in it, a table of facts, or both; `file`: the artifact they come from."""

    name: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Fact]] = ()
    file: str = FACTS


def _facts(record: Record, **places: str) -> dict[str, Fact]:
    return {name: record.at(place) for name, place in places.items()}


def _pairs(record: Record, name: str, place: str, *, without: tuple[str, ...] = ()) -> Answer | None:
    """Return a table of name and value of all that lies below a place."""
    found = list(record.flat(place)) if record.has(place) else []
    rows = [(Fact(key, fact.source), fact) for key, fact in found if not key.startswith(without)]
    return Answer(name, head=("name", "value"), rows=rows) if rows else None


def system(record: Record) -> Answer | None:
    """Return name, version and time of the run."""
    return Answer(
        "system", _facts(record, case="case", run="name", created="created", version="environment.versions.musterwerk", data="data.digest")
    )


def code(record: Record) -> Answer | None:
    """Return the commit of the project's code, if it ran from a repository."""
    if not record.has("environment.project"):
        return None
    return Answer("code", _facts(record, commit="environment.project.commit", dirty="environment.project.dirty"))


def software(record: Record) -> Answer | None:
    """Return the versions of what the run was computed with."""
    found = _pairs(record, "software", "environment.versions")
    return found and Answer("software", _facts(record, python="environment.python"), found.head, found.rows)


def hardware(record: Record) -> Answer | None:
    """Return the machine and the time."""
    places = {"platform": "environment.platform", "cpus": "environment.cpus", "threads": "threads"}
    if not record.has("duration"):
        return Answer("machine", _facts(record, **places))
    return Answer("hardware", _facts(record, **places, seconds="duration"))


def model(record: Record) -> Answer | None:
    """Return the class of the model, its target and its seed."""
    return Answer("model", _facts(record, kind="model.class", target="model.target", seed="seed"))


def model_inputs(record: Record) -> Answer | None:
    """Return the columns the model reads, where it says so."""
    names = record.at("model.inputs").value if record.has("model.inputs") else []
    rows = [(record.at(f"model.inputs.{number}"),) for number in range(len(names))]
    return Answer("model_inputs", head=("column",), rows=rows) if rows else None


def output(record: Record) -> Answer | None:
    """Return the forecast columns."""
    rows = [(record.at(f"model.columns.{number}"),) for number in range(len(record.at("model.columns").value))]
    return Answer("output", _facts(record, target="model.target"), ("column",), rows)


def choices(record: Record) -> Answer | None:
    """Return what was chosen on the select period."""
    return _pairs(record, "choices", "choices")


def settings(record: Record) -> Answer | None:
    """Return all settings but those of the files."""
    return _pairs(record, "settings", "settings", without=NOT_SHOWN)


def data(record: Record) -> Answer | None:
    """Return source, size and period of the data."""
    parts = ("source", "rows", "series", "first", "last", "digest")
    return Answer("data", _facts(record, **{part: f"data.{part}" for part in parts}))


def columns(record: Record) -> Answer | None:
    """Return every column that was read: when it is known, bounds, and rows with a value."""
    if not record.has("data.columns") or not record.at("data.columns").value:
        return None
    rows = [
        (Fact(name, f"{FACTS}#data.columns.{name}"), *(record.at(f"data.columns.{name}.{part}") for part in COLUMN))
        for name, facts in record.at("data.columns").value.items()
        if facts["filled"]
    ]
    return Answer("columns", head=("column", *COLUMN), rows=rows)


def outcome(record: Record) -> Answer | None:
    """Return what is predicted."""
    target = record.at("model.target").value
    if record.has(f"data.columns.{target}"):
        place = f"data.columns.{target}"
        return Answer("outcome", _facts(record, target="model.target", doc=f"{place}.doc", unit=f"{place}.unit"))
    return Answer("target", _facts(record, target="model.target"))


def _notes(record: Record, name: str, place: str) -> Answer | None:
    rows = [(record.at(f"{place}.{number}"),) for number in range(len(record.at(place).value))]
    return Answer(name, head=("note",), rows=rows) if rows else None


def cleaning(record: Record) -> Answer | None:
    """Return what was noted on reading."""
    return _notes(record, "cleaning", "data.notes")


def notes(record: Record) -> Answer | None:
    """Return what the report must say."""
    return _notes(record, "notes", "notes")


def periods(record: Record) -> Answer | None:
    """Return the three periods."""
    rows = [
        (Fact(name, f"{FACTS}#{name}"), record.at(f"{name}.first"), record.at(f"{name}.last")) for name in ("train", "select", "report")
    ]
    return Answer("periods", head=("period", "first", "last"), rows=rows)


def verdict(record: Record) -> Answer | None:
    """Return the verdict on the report period."""
    return Answer("verdict", _facts(record, verdict="verdict"))


def savings(record: Record) -> Answer | None:
    """Return every unit: three policies, saving and captured share with intervals."""
    rows = [tuple(record.at(f"savings.{number}.{part}") for part in SAVING) for number in range(len(record.at("savings").value))]
    return Answer("savings", head=tuple(part.replace(".", "_") for part in SAVING), rows=rows)


def scores(record: Record) -> Answer | None:
    """Return the scores of the forecast."""
    if not record.has("score_bounds") or not record.at("score_bounds").value:
        return _pairs(record, "scores", "scores")
    names = list(record.at("score_bounds").value)
    rows = [(Fact(name, f"{FACTS}#score_bounds.{name}"), *(record.at(f"score_bounds.{name}.{part}") for part in ENDS)) for name in names]
    return Answer("scores", head=("name", *ENDS), rows=rows)


def _table(record: Record, name: str, frame: str, *columns: str) -> Answer | None:
    rows = record.table(frame, *columns)
    return Answer(name, head=columns, rows=rows, file=rows[0][0].source.partition("#")[0]) if rows else None


def calibration(record: Record) -> Answer | None:
    """Return nominal and observed coverage."""
    return _table(record, "calibration", "calibration", "level", "coverage", "low", "high", "rows")


def groups(record: Record) -> Answer | None:
    """Return what the plan saved by segment."""
    return _table(record, "groups", "segments", "kind", "segment", "rows", "usual", "plan", "saved", "low", "high")


def artifacts(record: Record) -> Answer | None:
    """Return the files of the run with their hashes."""
    rows = [(Fact(name, f"{name}#"), Fact(digest, f"{name}#sha256")) for name, digest in record.digests.items()]
    return Answer("artifacts", head=("file", "sha256"), rows=rows)


def log(record: Record) -> Answer | None:
    """Return what the audit log says of this run's plans."""
    if not record.log:
        return None
    return Answer("log", {name: record.counted(name) for name in ("decisions", "changed", "named", "reasoned")}, file=LOG)


FIELDS: dict[str, Callable[[Record], Answer | None]] = {
    found.__name__: found
    for found in (system, code, software, hardware, model, model_inputs, output, choices, settings, data, columns, outcome,
                  cleaning, notes, periods, verdict, savings, scores, calibration, groups, artifacts, log)
}  # fmt: skip


def filled(record: Record) -> dict[str, Any]:
    """Return every field's answer by name; None = the record does not know."""
    return {name: ask(record) for name, ask in FIELDS.items()}
