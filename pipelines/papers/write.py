"""Put the papers together and write them: one Markdown file each, one HTML page with all, and facts.json with every value and its place."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from pipelines.papers.build import Paper, answers, header, laws, papers_of, proposal, shown
from pipelines.papers.fields import Answer, filled
from pipelines.papers.record import Fact, Record
from pipelines.report.words import Words
from pipelines.texts import Lang, text


def write_papers(folder: Path, home: Path, lang: Lang, out: Path | None = None, answered: Path | None = None) -> Path:
    """Write the papers of a run and return their folder; default: `papers` in the run's folder. Files there are replaced.

    Parameters
    ----------
    answered
        What people state themselves: TOML, a table per field such as [annex_iv_1b] with `text`, `by` and `on`.

    Raises
    ------
    InputError
        There is no such run, or an answer names no field or lacks who stated it and when.
    """
    record = Record(folder, home)
    stated = answers(answered)
    found = filled(record)
    papers = papers_of(record, found, stated, lang)
    common = {"lang": lang, "notice": record.stored.facts.get("notice", {}).get(lang, ""), "run": record.stored.name}
    target = out or folder / "papers"
    contents = {f"{paper.name}.{lang}.md": _markdown(paper, record, common, stated, lang) for paper in papers}
    page = _template().render(papers=papers, **common, **_page(papers, record, stated, lang))
    contents |= {f"papers.{lang}.html": page, "facts.json": facts_json(record, found, papers, stated)}
    target.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        unfinished = target / f".{name}.part"
        unfinished.write_text(content, encoding="utf-8", newline="\n")
        unfinished.replace(target / name)
    return target


def _law_rows(lang: Lang) -> list[list[str]]:
    words = Words(lang, "")
    return [
        [text(f"papers.law_{law['name']}", lang), words.day(law["date"]), law["source"], words.day(law["checked"]),
         text(f"papers.law_{'primary' if law['primary'] else 'secondary'}", lang)]
        for law in laws()
    ]  # fmt: skip


def _page(papers: list[Paper], record: Record, stated: Mapping[str, Mapping[str, Any]], lang: Lang) -> dict[str, Any]:
    """Return what the page needs beside the papers."""
    names = ("what", "date", "source", "checked", "reading")
    return {
        "headers": {paper.name: header(paper, lang) for paper in papers},
        "law_head": [text(f"papers.head_{name}", lang) for name in names],
        "law_rows": _law_rows(lang),
        "say": lambda name, **values: text(f"papers.{name}", lang, **values),
        "proposed": text(f"papers.proposal_{proposal(stated)}", lang),
        "digest": record.digests["result.json"],
    }


def _markdown(paper: Paper, record: Record, common: Mapping[str, Any], stated: Mapping[str, Mapping[str, Any]], lang: Lang) -> str:
    facts = record.stored.facts
    lines = ["---", f"title: {paper.title}", f"run: {facts['name']}", f"created: {facts['created']}", f"model: {facts['model']['class']}",
             f"result_json_sha256: {record.digests['result.json']}", f"lang: {lang}", "---", ""]  # fmt: skip
    if common["notice"]:
        lines += [f"> **{common['notice']}**", ""]
    lines += [f"# {paper.title}", "", header(paper, lang), "", paper.intro, ""]
    for item in paper.items:
        lines += [f"## {item.number} {item.heading}".replace("##  ", "## "), ""]
        for entry in item.entries:
            mark = {"open": "⬜", "run": "✔", "stated": "✍"}[entry.status]
            lines += [" ".join(part for part in (mark, f"**{entry.label}.**" if entry.label else "", _cell(entry.said)) if part), ""]
            lines += _grid(entry.head, entry.rows)
            lines += [f"*{_cell(entry.origin)}*", ""] if entry.origin else []
    if paper.name == "risk":
        page = _page([], record, stated, lang)
        lines += [f"## {text('papers.proposal', lang)}", "", page["proposed"], "", text("papers.signature", lang), ""]
        lines += [f"## {text('papers.law', lang)}", "", text("papers.law_intro", lang), "", *_grid(page["law_head"], page["law_rows"])]
    return "\n".join(lines)


def _grid(head: list[str], rows: list[list[str]]) -> list[str]:
    if not head:
        return []
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows), ""]


def _cell(said: str) -> str:
    """Return text that stays text in Markdown: names from data are no markup."""
    plain = said.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
    return re.sub(r"(?<!\w)([*`\[\]]+)", lambda found: "".join(f"\\{sign}" for sign in found[0]), plain)


def facts_json(record: Record, found: Mapping[str, Answer | None], papers: list[Paper], stated: Mapping[str, Any]) -> str:
    """Return every value of the papers with its place in the record and how it is shown, the hashes of the artifacts, and the counts."""

    def plain(fact: Fact) -> dict[str, Any]:
        texts = {f"{lang}": shown(fact, Words(lang, record.stored.case)) for lang in ("de", "en")}
        return {"value": fact.value, "source": fact.source, **texts}

    fields = {
        name: None if answer is None else {"facts": {key: plain(fact) for key, fact in answer.facts.items()},
                                           "rows": [[plain(fact) for fact in row] for row in answer.rows], "file": answer.file}
        for name, answer in found.items()
    }  # fmt: skip
    counts = {
        paper.name: {"fields": paper.fields, "run": paper.count("run"), "stated": paper.count("stated"), "open": paper.count("open"),
                     "filled": paper.fields - paper.count("open"), "headings": len(paper.items), "clear": paper.clear}
        for paper in papers
    }  # fmt: skip
    facts = {
        "run": record.stored.name,
        "artifacts": record.digests,
        "audit": record.log,
        "fields": fields,
        "counts": counts,
        "stated": stated,
    }
    return json.dumps(facts, ensure_ascii=False, indent=1, default=str) + "\n"


@cache
def _template() -> Template:
    source = files(__package__ or "pipelines.papers").joinpath("papers.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(source)
