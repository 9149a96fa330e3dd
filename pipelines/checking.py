"""What `musterwerk check` does: understand the files, say it in the user's language, save the settings when asked."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from pipelines.folders import CODE, SETTINGS, own_case, refuse_card, settings_file
from pipelines.renamed import told
from pipelines.settings import read_toml
from pipelines.table.reader import files_in
from pipelines.texts import Lang, dated, label, number, text
from pipelines.understand import Understanding, understand
from pipelines.understand.write import settings_toml
from pipelines.usecase import UseCase
from pipelines.work import find_case

_SIGNS = {"fact": "·", "warning": "!", "limit": "-"}
_KEPT = 40  # headers shown


@dataclass(frozen=True)
class CheckRequest:
    """What the user asked for on the command line."""

    case: str
    cases: Mapping[str, str]
    data: tuple[Path, ...]
    settings: Path | None
    write: Path | None
    lang: Lang


@dataclass(frozen=True)
class Checked:
    """A message for people, a summary for machines, and the first problem (exit code 2) if there is one."""

    message: str
    summary: Mapping[str, Any]
    problem: InputError | None


def check(request: CheckRequest) -> Checked:
    """Return what was understood; write the proposed settings when a file is named and the data can be used.

    Raises
    ------
    InputError
        When the use case is unknown, or the file to write exists already or cannot be written.
    """
    case, values, files = _asked_about(request)
    if not files:
        raise InputError("check.no_data", case=request.case)
    request = replace(request, data=files)
    if request.write is not None and request.write.exists():
        raise InputError("check.exists", file=request.write)
    seen = understand(case, request.data, request.lang, values.get("data"))
    toml = settings_toml(case, _placed(seen.tables, request), request.lang) if seen.tables else ""
    if request.write is not None and seen.fine:
        _write(request.write, toml)
    earlier = told(values, case.settings.renamed, request.settings or SETTINGS, request.lang)
    message = "\n".join([*(f"! {line}" for line in earlier), *_lines(case, seen, toml, request)])
    return Checked(message, _summary(seen, toml, request.lang), seen.problems[0] if seen.problems else None)


def _asked_about(request: CheckRequest) -> tuple[UseCase[Any], Mapping[str, Any], tuple[Path, ...]]:
    """Return the use case (a folder's own code included), its settings file as dictionaries, and the files to look at."""
    folder = Path(request.case)
    file = settings_file(request.case, request.settings, request.cases)
    values = read_toml(file) if file else {}
    if file and (folder / CODE).is_file():
        case = own_case(folder / CODE)
    else:
        case = find_case(request.case if request.case in request.cases else str(values.get("case", request.case)), request.cases)
    tables = values.get("data", {}).values()
    base = file.parent if file else Path()
    named = tuple(base / table["file"] for table in tables if table.get("file"))
    if file and not request.data:
        refuse_card(base, named)
    return case, values, files_in(request.data) or named


def _placed(tables: Mapping[str, Mapping[str, Any]], request: CheckRequest) -> Mapping[str, Mapping[str, Any]]:
    """Return the tables with their files as seen from the folder the settings are written to."""
    if request.write is None:
        return tables
    folder = request.write.resolve().parent
    places = {file.name: file.resolve() for file in request.data}

    def seen_from(name: str) -> str:
        try:
            return Path(os.path.relpath(places[name], folder)).as_posix()
        except ValueError:  # another drive of Windows
            return places[name].as_posix()

    return {
        name: {**values, "file": seen_from(values["file"]) if values["file"] in places else values["file"]}
        for name, values in tables.items()
    }


def _write(file: Path, toml: str) -> None:
    unfinished = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(toml, encoding="utf-8", newline="\n")
        unfinished.replace(file)
    except OSError as problem:
        raise InputError("check.unwritable", file=file, problem=problem.strerror or problem) from None


def _lines(case: UseCase[Any], seen: Understanding, toml: str, request: CheckRequest) -> list[str]:
    lang = request.lang
    lines: list[str] = []
    for file in seen.files:
        lines.append(text("check.file", lang, **_about(file, lang)))
        for column, guess in seen.mapping[file["table"]].items():
            schema = case.tables.get(file["table"], case.schema)
            doubt = "" if guess.sure else text("check.doubt", lang)
            doc = schema[column].doc if column in schema else ""
            doc = label(case.name, "column", column, lang, doc) if lang == "de" or not doc else doc
            lines.append(text("check.column", lang, column=column, header=guess.header, doc=doc, doubt=doubt))
        unused = [header for header in file["headers"] if header not in {guess.header for guess in seen.mapping[file["table"]].values()}]
        if unused:
            lines.append(text("check.unused", lang, headers=", ".join(unused[:_KEPT])))
        lines.append("")
    said = [said_of(case.name, finding.key, finding.values, lang, _SIGNS[finding.level]) for finding in seen.findings]
    lines += [*said, *(said_of(case.name, note.key, note.values, lang, "·") for note in seen.notes)]
    if seen.fine and toml:
        where = text("check.written", lang, file=request.write) if request.write else text("check.proposed", lang)
        lines += ["", where] + ([] if request.write else [toml.rstrip()])
    return lines


def said_of(case: str, key: str, values: Mapping[str, Any], lang: Lang, sign: str) -> str:
    """Return a finding or note as a line, numbers and dates in the language."""
    full = key if "." in key else f"check.{key}"
    named = {name: shown(value, lang) for name, value in values.items()}
    if "unit" in named:
        named["unit"] = label(case, "unit", str(named["unit"]), lang)
    return f"{sign} {text(full, lang, **named)}"


def shown(value: Any, lang: Lang) -> Any:
    """Return a number or date as the language writes it, anything else as it is."""
    if isinstance(value, list | tuple):
        return ", ".join(str(shown(part, lang)) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float | date):
        return value
    if isinstance(value, date):
        return dated(value, lang)
    return number(value, lang, 0 if float(value).is_integer() else 1)


def _about(file: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    names = {"\t": "tab", ";": ";", ",": ",", "|": "|"}
    written = {
        "text": lambda: text("check.as_text", lang, encoding=file["encoding"], separator=names.get(file["separator"], file["separator"])),
        "excel": lambda: text("check.as_excel", lang, sheet=file["sheet"]),
        "parquet": lambda: text("check.as_parquet", lang),
    }[file["kind"]]()
    return {"file": file["file"], "table": file["table"], "rows": number(file["rows"], lang), "written": written}


def _summary(seen: Understanding, toml: str, lang: Lang) -> dict[str, Any]:
    def plain(items: Sequence[Any]) -> list[dict[str, Any]]:
        return [{"key": item.key, **item.values, **({"level": item.level} if hasattr(item, "level") else {})} for item in items]

    mapping = {
        table: {column: {"header": guess.header, "sure": guess.sure} for column, guess in found.items()}
        for table, found in seen.mapping.items()
    }
    return {
        "fine": seen.fine,
        "files": [dict(file) for file in seen.files],
        "mapping": mapping,
        "findings": plain(seen.findings),
        "notes": plain(seen.notes),
        "problems": [{"key": problem.key, "message": problem.render(lang)} for problem in seen.problems],
        "settings": {"data": {name: dict(values) for name, values in seen.tables.items()}},
        "settings_toml": toml,
    }
