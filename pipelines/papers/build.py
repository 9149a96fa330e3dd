"""Fill every item of the papers: from the run's record, from what people state, or OPEN with the role responsible."""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from pipelines.evidence import FACTS
from pipelines.papers.fields import HASHED, Answer
from pipelines.papers.record import Fact, Record
from pipelines.report.words import Words
from pipelines.result import Note
from pipelines.settings import read_toml
from pipelines.texts import Lang, catalogue, label, number, text

SIGNIFICANT = 4  # figures of a number as shown; facts.json holds all of them
MOST_DECIMALS = 6
COLUMN = re.compile(rf"{re.escape(FACTS)}#data\.columns\.(?P<name>.+)\.(?P<part>doc|unit|role|kind)")
PERIODS = {f"{FACTS}#{name}": name for name in ("train", "select", "report")}
BANNED, PERSONS = "prohibited", "persons"  # questions on the risk class; yes to one of HIGH makes it high
HIGH = ("product", "biometrics", "infrastructure", "education", "employment", "services", "enforcement", "migration", "justice")
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Entry:
    """One field under an item: from the run, stated by a person, or open."""

    status: str  # run, stated, open
    label: str
    said: str
    head: list[str]
    rows: list[list[str]]
    origin: str


@dataclass(frozen=True)
class Item:
    """One heading of a paper with its fields."""

    key: str
    number: str
    heading: str
    entries: list[Entry]


@dataclass(frozen=True)
class Paper:
    """One document; the counts are of its fields, `clear` of its headings without an open field."""

    name: str
    title: str
    intro: str
    items: list[Item]

    def count(self, status: str) -> int:
        """Fields of one status."""
        return sum(entry.status == status for item in self.items for entry in item.entries)

    @property
    def fields(self) -> int:
        """All fields."""
        return sum(len(item.entries) for item in self.items)

    @property
    def clear(self) -> int:
        """Headings under which nothing is open."""
        return sum(all(entry.status != "open" for entry in item.entries) for item in self.items)


def outline() -> dict[str, Any]:
    """Return the papers' items and the roles, from outline.toml."""
    return _toml("outline.toml")


def laws() -> list[dict[str, Any]]:
    """Return every date of law with source and the day it was checked, from law.toml."""
    found: list[dict[str, Any]] = _toml("law.toml")["law"]
    return found


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__ or "pipelines.papers").joinpath(name).read_text(encoding="utf-8"))


def item_key(paper: str, number_: str) -> str:
    """Return the name of an item, in texts and answers: annex_iv_1a."""
    return f"{paper}_{re.sub(r'[^a-z0-9]', '', number_.lower())}"


def papers_of(record: Record, found: Mapping[str, Answer | None], stated: Mapping[str, Mapping[str, Any]], lang: Lang) -> list[Paper]:
    """Return all papers with every field filled from the record, stated, or open."""
    plan, papers, used = outline(), [], set()
    words = Words(lang, record.stored.case)
    for document in plan["document"]:
        name, items = document["name"], []
        for item in document["items"]:
            key = item_key(name, item["id"])
            used.add(key)
            entries = [
                _from_run(record, field, found[field], plan["roles"].get(field, "developer"), words) for field in item.get("run", ())
            ]
            if "open" in item:
                entries.append(_from_people(key, item["open"], stated.get(key), words))
            shown = item["id"] if item["id"][0].isdigit() else ""
            items.append(Item(key, shown, text(f"papers.{key}", lang), entries))
        papers.append(Paper(name, text(f"papers.title_{name}", lang), text(f"papers.intro_{name}", lang), items))
    strange = sorted(set(stated) - used)
    if strange:
        raise InputError("papers.strange_answer", key=strange[0], known=", ".join(sorted(used)))
    return papers


def _from_run(record: Record, name: str, answer: Answer | None, role: str, words: Words) -> Entry:
    lang = words.lang
    title = text(f"papers.field_{name}", lang)
    if answer is None:
        return Entry("open", title, text("papers.open", lang, role=text(f"papers.role_{role}", lang)), [], [], "")
    said = (
        text(f"papers.say_{answer.name}", lang, **{key: shown(fact, words) for key, fact in answer.facts.items()}) if answer.facts else ""
    )
    head = [text(f"papers.head_{column}", lang) for column in answer.head]
    rows = [[shown(fact, words) for fact in row] for row in answer.rows]
    if answer.head == ("column",):  # a list of names reads better as one
        said, head, rows = " ".join(part for part in (said, ", ".join(name for (name,) in rows)) if part), [], []
    digest = record.digests.get(answer.file, "")[:HASHED]
    origin = text("papers.from_run" if digest else "papers.from_log", lang, run=record.stored.name, file=answer.file, digest=digest)
    return Entry("run", title, said, head, rows, origin)


def _from_people(key: str, role: str, answer: Mapping[str, Any] | None, words: Words) -> Entry:
    lang = words.lang
    needed = catalogue("papers", lang).get(f"{key}_open", "")
    if answer is None:
        return Entry("open", needed, text("papers.open", lang, role=text(f"papers.role_{role}", lang)), [], [], "")
    said = text(f"papers.{answer['text']}", lang) if answer["text"] in {YES, NO} else answer["text"]
    return Entry("stated", needed, said, [], [], text("papers.stated", lang, by=answer["by"], on=answer["on"]))


def shown(fact: Fact, words: Words) -> str:
    """Return a value as people of the language read it; numbers with four significant figures."""
    value, lang = fact.value, words.lang
    if value is None:
        return text("papers.nothing", lang)
    if isinstance(value, bool):
        return text(f"papers.{YES if value else NO}", lang)
    if isinstance(value, int | float):
        return _number(value, lang)
    if isinstance(value, Mapping) and {"key", "values"} <= set(value):
        return _note(value, words)
    return _text(str(value), fact.source, words)


def _number(value: float, lang: Lang) -> str:
    size = 0 if isinstance(value, int) or not value else SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    digits = min(MOST_DECIMALS, max(0, size))
    while digits and round(value, digits) == round(value, digits - 1):
        digits -= 1
    return number(value, lang, digits)


def _text(value: str, source: str, words: Words) -> str:
    """Return a text of the record; dates, the verdict and the names of the periods in the language."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return words.day(date.fromisoformat(value))
    if source == f"{FACTS}#verdict":
        return text(f"papers.verdict_{value}", words.lang)
    if PERIODS.get(source) == value:
        return words.label("period", value)
    if value and (column := COLUMN.fullmatch(source)):
        return _of_column(column["name"], column["part"], value, words)
    return value or text("papers.nothing", words.lang)


def _of_column(name: str, part: str, value: str, words: Words) -> str:
    """Return what the record says of a column, in the language: its meaning, unit, kind, and when it is known."""
    if part in ("role", "kind"):
        return text(f"papers.column_{part}_{value}", words.lang)
    if part == "unit":
        return label(words.case, "unit", value, words.lang, value)
    return value if words.lang == "en" else label(words.case, "column", name, words.lang, value)


def _note(value: Mapping[str, Any], words: Words) -> str:
    try:
        return words.note(Note(value["key"], value["values"]))
    except KeyError:  # the texts of a use case that is not installed here
        return json.dumps(value, ensure_ascii=False)


def answers(file: Path | None) -> dict[str, dict[str, Any]]:
    """Return what people stated, each with who and when."""
    stated: dict[str, Any] = read_toml(file) if file else {}
    for key, answer in stated.items():
        whole = isinstance(answer, dict) and all(answer.get(part) for part in ("text", "by", "on"))
        if not whole or (key.startswith("risk_") and answer["text"] not in {YES, NO}):
            raise InputError("papers.bad_answer", file=file, key=key)
    return stated


def proposal(stated: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the proposed risk class from the answered questions: banned, high, persons, minimal, or unknown while one is open."""
    said = {question: stated.get(f"risk_{question}", {}).get("text") for question in (BANNED, *HIGH, PERSONS)}
    if said[BANNED] == YES:
        return "banned"
    if any(said[question] == YES for question in HIGH):
        return "high"
    if None in said.values():
        return "unknown"
    return "persons" if said[PERSONS] == YES else "minimal"


def header(paper: Paper, lang: Lang) -> str:
    """Return how much of a paper is filled."""
    counts = {"all": paper.fields, "open": paper.count("open"), "clear": paper.clear, "items": len(paper.items)}
    counts |= {"n": paper.fields - paper.count("open"), "stated": paper.count("stated")}
    return text("papers.header", lang, **counts)
