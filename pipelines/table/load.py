"""All tables of a use case from their files, each column from the table that has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.errors import InputError
from pipelines.result import Note
from pipelines.settings import TableSettings
from pipelines.table.headers import Source, mapped_headers, missing_columns, with_open
from pipelines.table.joins import notes_on_joins
from pipelines.table.reader import SUFFIXES, read_file
from pipelines.table.typed import checked
from pipelines.table.wide import melted
from pipelines.usecase import Column

_LISTED = 10


@dataclass(frozen=True)
class Loaded:
    """Typed tables by name, the first one holding the rows; what was noticed; the files as people name them."""

    tables: Mapping[str, pl.DataFrame]
    notes: tuple[Note, ...]
    source: str


def load_tables(
    schema: Mapping[str, Column], data: Mapping[str, TableSettings], base: Path, override: Path | None = None, case: str = ""
) -> Loaded:
    """Return the tables of the settings, read and checked against the schema.

    Parameters
    ----------
    base
        Folder the files are relative to (that of the settings).
    override
        A file for the first table, or a folder in which the files are looked up instead.
    case
        The use case by whose catalogue messages name the columns in other languages than English.

    Raises
    ------
    InputError
        When a file is absent, a required column is in no table, or cells cannot be used; the message says how to mend it.
    """
    if not data:
        raise InputError("table.no_tables")
    columns = with_open(schema)
    places = {name: _place(name, settings, base, override, first=name == next(iter(data))) for name, settings in data.items()}
    files = {name: melted(read_file(places[name], settings, name), settings, places[name], name) for name, settings in data.items()}
    raw = {name: without_missing(file.table, data[name].missing) for name, file in files.items()}
    sources = {name: Source(path.name, name, case) for name, path in places.items()}
    mappings = {name: mapped_headers(raw[name], columns, settings, sources[name]) for name, settings in data.items()}
    _refuse_missing(columns, data, raw, mappings, sources)
    owned = _owners(columns, data, mappings)
    tables: dict[str, pl.DataFrame] = {}
    notes: list[Note] = [note for file in files.values() for note in file.notes]
    for name, settings in data.items():
        part = {ours: columns[ours] for ours in owned[name]}
        found = checked(raw[name], part, settings, sources[name], mappings[name])
        tables[name] = found.rows
        notes.extend(found.notes)
    notes.extend(notes_on_joins(tables, columns, data))
    return Loaded(tables, tuple(notes), ", ".join(dict.fromkeys(source.file for source in sources.values())))


def load_separate(
    schemas: Mapping[str, Mapping[str, Column]],
    data: Mapping[str, TableSettings],
    base: Path,
    override: Path | None = None,
    case: str = "",
) -> Loaded:
    """Return tables that the use case puts together itself, each checked against its own schema; errors as `load_tables`."""
    unknown = [name for name in data if name not in schemas]
    if unknown:
        raise InputError("table.unknown_table", table=unknown[0], known=", ".join(schemas))
    loaded = {}
    for name, settings in data.items():
        own = override if override is None or override.is_dir() or name == next(iter(data)) else override.parent
        loaded[name] = load_tables(schemas[name], {name: settings}, base, own, case)
    notes = tuple(note for part in loaded.values() for note in part.notes)
    sources = dict.fromkeys(part.source for part in loaded.values())
    return Loaded({name: part.tables[name] for name, part in loaded.items()}, notes, ", ".join(sources))


def without_missing(table: pl.DataFrame, missing: tuple[str, ...]) -> pl.DataFrame:
    """Return the table with the cells that the settings call missing empty."""
    if not missing:
        return table
    texts = pl.selectors.string()
    return table.with_columns(pl.when(~texts.str.strip_chars().is_in(list(missing))).then(texts))


def _place(name: str, settings: TableSettings, base: Path, override: Path | None, *, first: bool) -> Path:
    """Return where the file of a table lies."""
    if override is not None and not override.exists():
        raise InputError("table.no_override", path=override)
    if first and override is not None and override.is_file():
        return override
    folder = base if override is None else override.parent if override.is_file() else override
    if settings.file:
        tried = [folder / settings.file, folder / Path(settings.file).name]
        tried += [base / settings.file] if override is not None and override.is_file() else []
        for path in tried:
            if path.is_file():
                return path
    near = sorted(path.name for path in folder.glob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    shown = ", ".join(near[:_LISTED]) + (" ..." if len(near) > _LISTED else "")
    key = "table.no_file" if settings.file else "table.no_file_stated"
    raise InputError(key, table=name, file=settings.file, folder=folder, near=shown or "-", example=near[0] if near else "sales.csv")


def _refuse_missing(
    columns: Mapping[str, Column],
    data: Mapping[str, TableSettings],
    raw: Mapping[str, pl.DataFrame],
    mappings: Mapping[str, Mapping[str, str]],
    sources: Mapping[str, Source],
) -> None:
    first, *others = data
    given = {name: {*mappings[name], *settings.constants} for name, settings in data.items()}
    anywhere = set().union(*given.values())
    identity = [ours for ours, column in columns.items() if column.role in ("time", "key")]
    lacking = [ours for ours in identity if ours not in given[first]]
    lacking += [ours for ours, column in columns.items() if ours not in identity and not column.optional and ours not in anywhere]
    if lacking:
        raise missing_columns(lacking, raw[first], list(mappings[first].values()), columns, sources[first])
    for name in others:
        if not data[name].on:
            shared = [f'"{ours}"' for ours in identity if ours in given[name]]
            raise InputError("table.no_on", table=name, file=sources[name].file, keys=", ".join(shared) or '"..."')
        absent = [ours for ours in data[name].on if ours not in given[name]]
        if absent:
            raise missing_columns(absent, raw[name], list(mappings[name].values()), columns, sources[name])


def _owners(
    columns: Mapping[str, Column], data: Mapping[str, TableSettings], mappings: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """Return the columns each table gives: a stated one goes before one whose header merely has the same name."""
    first = next(iter(data))
    owned: dict[str, list[str]] = {name: [ours for ours in settings.on if name != first] for name, settings in data.items()}
    for ours, column in columns.items():
        stated = [name for name, settings in data.items() if ours in settings.columns or ours in settings.constants]
        named = [name for name in data if ours in mappings[name]]
        if column.role in ("time", "key"):
            owned[first].append(ours)
            continue
        stated = [name for name in stated if ours not in owned[name]]
        if len(stated) > 1:
            raise InputError("table.column_twice", column=ours, tables=", ".join(stated))
        holder = (stated or [name for name in named if ours not in owned[name]])[:1]
        if holder:
            owned[holder[0]].append(ours)
    return owned
