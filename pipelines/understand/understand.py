"""Read files without being told anything: propose the mapping, try it, and say what works and what does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import InputError
from pipelines.result import Note
from pipelines.settings import TableSettings
from pipelines.table.headers import with_open
from pipelines.table.load import Loaded, load_separate, load_tables
from pipelines.table.raw import ROW, Raw
from pipelines.table.reader import read_file
from pipelines.texts import Lang, text
from pipelines.understand.findings import Finding, findings
from pipelines.understand.guess import SURE, Guess, guesses
from pipelines.usecase import Column, UseCase

FEW_CANCELLED = 0.05  # share of negative receipts up to which they are taken off without asking
FEW_COPIES = 0.1  # share of rows up to which several rows per day look like copies, not like receipts


@dataclass(frozen=True)
class Understanding:
    """What was understood of some files.

    Parameters
    ----------
    files
        Per file: its name, the table it was taken for, how it is written (encoding, separator, header row ...), its headers.
    mapping
        Table -> our column -> guess.
    tables
        Proposed settings of each table, ready for `[data.NAME]`.
    problems
        Errors that stop a run, as raised; empty when the data can be used as proposed.
    notes, findings
        What the reader noticed, and what the rows hold.
    """

    files: tuple[Mapping[str, Any], ...]
    mapping: Mapping[str, Mapping[str, Guess]]
    tables: Mapping[str, Mapping[str, Any]]
    problems: tuple[InputError, ...]
    notes: tuple[Note, ...] = ()
    findings: tuple[Finding, ...] = ()
    loaded: Loaded | None = None

    @property
    def fine(self) -> bool:
        """Whether the data can be used as proposed."""
        return not self.problems


def understand(case: UseCase[Any], files: Sequence[Path], lang: Lang = "en", stated: Mapping[str, Any] | None = None) -> Understanding:
    """Return what was understood of the files for a use case; problems are collected, not raised.

    Parameters
    ----------
    files
        The first one is the main table unless another fits it better.
    stated
        Tables of a settings file (`[data.NAME]` as dictionaries): what they state is not guessed.
    """
    schemas = dict(case.tables) if case.assemble else {}
    stated = _named(stated or {}, next(iter(schemas), "sales"))
    read: dict[Path, Raw] = {}
    problems: list[InputError] = []
    for file in files:
        try:
            read[file] = read_file(file, TableSettings.model_validate(_reading(stated)), file.stem)
        except InputError as error:
            problems.append(error)
    chosen = _tables(case, read, schemas)
    proposed, mapping, about = {}, {}, []
    for name, (file, found) in chosen.items():
        own = dict(stated.get(name, {}))
        given: Mapping[str, str] = own.get("columns", {})
        free = [guess for guess in found if guess.column in given or guess.header not in given.values()]
        mapping[name] = {guess.column: guess for guess in free}
        mapping[name] |= {ours: Guess(ours, header, SURE) for ours, header in given.items()}
        columns = {**{guess.column: guess.header for guess in free if guess.column != guess.header}, **given}
        proposed[name] = {"file": file.name, **own, "columns": columns}
        facts = read[file].facts
        headers = [header for header in read[file].table.columns if header != ROW]
        about.append({"file": file.name, "table": name, "rows": read[file].table.height, "headers": headers, **facts})
    if read and not proposed and not problems:
        problems.append(InputError("check.no_table", files=", ".join(file.name for file in read), tables=", ".join(schemas)))
    if problems or not proposed:
        return Understanding(tuple(about), mapping, proposed, tuple(problems))
    taken = {file for file, _ in chosen.values()}
    unused = tuple(Note("check.note_file_unused", {"file": file.name, "tables": ", ".join(schemas)}) for file in read if file not in taken)
    one_site = _one_key(case, read, chosen, proposed, schemas, lang)
    return _tried(case, chosen, Understanding(tuple(about), mapping, proposed, (), (*unused, *one_site)), lang)


def _named(stated: Mapping[str, Any], first: str) -> Mapping[str, Any]:
    """Return the stated tables; what stands under no name belongs to the first one."""
    return {**{name: values for name, values in stated.items() if name}, **({first: stated[""]} if "" in stated else {})}


def _reading(stated: Mapping[str, Any] | None) -> dict[str, Any]:
    first: Mapping[str, Any] = next(iter((stated or {}).values()), {})
    return {key: first[key] for key in ("encoding", "separator", "sheet") if key in first}


def _tables(
    case: UseCase[Any], read: Mapping[Path, Raw], schemas: Mapping[str, Mapping[str, Column]]
) -> dict[str, tuple[Path, list[Guess]]]:
    """Return which file is which table: by the sum of the scores of required columns; without own tables the first is `sales`."""
    chosen: dict[str, tuple[Path, list[Guess]]] = {}
    if schemas:
        left = dict(read)
        for name, schema in schemas.items():
            scored = {file: guesses(raw.table, schema) for file, raw in left.items()}
            needed = [ours for ours, column in schema.items() if not column.optional]
            # times and keys stand in every table: what a further one is known by are its other columns
            telling = [ours for ours in needed if schema[ours].role not in ("time", "key")] if chosen else list(schema)
            fitting = [file for file, found in scored.items() if any(guess.column in telling for guess in found)]
            ranks = {file: sum(guess.score * (1 if guess.column in needed else 0.01) for guess in scored[file]) for file in fitting}
            best = max(fitting, key=ranks.__getitem__, default=None)
            if best is not None:
                chosen[name] = (best, scored[best])
                del left[best]
        return chosen
    scored = {file: guesses(raw.table, with_open(case.schema)) for file, raw in read.items()}
    identity = [*case.columns("time", "key"), case.target]
    main = max(scored, key=lambda file: sum(guess.column in identity for guess in scored[file]), default=None)
    if main is None:
        return chosen
    chosen["sales"] = (main, scored[main])
    for file, found in scored.items():
        if file != main:
            chosen[_name(file, chosen)] = (file, found)
    return chosen


def _one_key(
    case: UseCase[Any],
    read: Mapping[Path, Raw],
    chosen: Mapping[str, tuple[Path, list[Guess]]],
    proposed: dict[str, dict[str, Any]],
    schemas: Mapping[str, Mapping[str, Column]],
    lang: Lang,
) -> list[Note]:
    """Give separate tables without their key column one value for all rows: that of the first table where it has just one."""
    notes: list[Note] = []
    values: dict[str, str] = {}
    first = next(iter(chosen), "")
    for name, (file, _) in chosen.items() if schemas else ():
        for key in (ours for ours in case.keys if ours in schemas[name] and (name == first or ours in values)):
            stated, table = proposed[name], read[file].table
            header = stated["columns"].get(key, key)
            if header in table.columns:
                found = table[header].drop_nulls().unique()
                values.setdefault(key, str(found[0]) if len(found) == 1 else "")
            elif key not in stated.get("constants", {}) and (value := values.setdefault(key, text("check.only_one", lang))):
                stated["constants"] = {**stated.get("constants", {}), key: value}
                notes.append(Note("check.note_one_key", {"table": name, "column": key, "value": value}))
    return notes


def _name(file: Path, taken: Mapping[str, object]) -> str:
    stem = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in file.stem.lower()).strip("_") or "table"
    return stem if stem not in taken else f"{stem}_{len(taken)}"


def _tried(case: UseCase[Any], chosen: Mapping[str, tuple[Path, list[Guess]]], so_far: Understanding, lang: Lang) -> Understanding:
    """Load the tables as proposed; mend what has one obvious remedy (several rows per day, a missing key, join keys) and try again."""
    proposed = {name: dict(values) for name, values in so_far.tables.items()}
    schemas = dict(case.tables) if case.assemble else {name: with_open(case.schema) for name in proposed}
    notes: list[Note] = [*so_far.notes]
    if not case.assemble:
        notes += _completed(case, proposed, so_far.mapping, lang)
    try:
        loaded = _load_receipts(case, proposed, chosen)
    except InputError as error:
        return Understanding(so_far.files, so_far.mapping, proposed, (error,))
    checked = tuple(findings(case, loaded.tables, schemas))
    rows = _doubled(case, proposed, loaded)
    if rows:
        copied = _copied(case, proposed, loaded)
        if copied is not None:
            return Understanding(so_far.files, so_far.mapping, proposed, (copied,), loaded.notes, checked)
        first = next(iter(proposed))
        proposed[first]["aggregate"] = True
        notes.append(Note("check.note_aggregate", {"table": first, "count": rows}))
        try:
            loaded = _load(case, proposed, chosen)
        except InputError as error:
            return Understanding(so_far.files, so_far.mapping, proposed, (error,))
    return Understanding(so_far.files, so_far.mapping, proposed, (), (*loaded.notes, *notes), checked, loaded)


def _completed(
    case: UseCase[Any], proposed: dict[str, dict[str, Any]], mapping: Mapping[str, Mapping[str, Guess]], lang: Lang
) -> list[Note]:
    """Give a missing first key one value for all rows (a single branch), and further tables the keys they are joined on."""
    first, *others = proposed
    notes = []
    given = {*mapping[first], *proposed[first]["columns"], *proposed[first].get("constants", {})}
    for key in case.keys[:1]:
        if key not in given and len(case.keys) > 1:
            proposed[first]["constants"] = {**proposed[first].get("constants", {}), key: text("check.only_one", lang)}
            notes.append(Note("check.note_only_one", {"column": key}))
    for name in others:
        keys = [ours for ours in (case.time, *case.keys) if ours in mapping[name] or ours in proposed[name]["columns"]]
        proposed[name].setdefault("on", keys)
    return notes


def _doubled(case: UseCase[Any], proposed: Mapping[str, Mapping[str, Any]], loaded: Loaded) -> int:
    """Return how many rows share their time and keys with another one in the first table of a daily case."""
    first = next(iter(proposed))
    if case.assemble or proposed[first].get("aggregate"):
        return 0
    table = loaded.tables[first]
    identity = [ours for ours in (case.time, *case.keys) if ours in table.columns]
    return table.height - table.select(identity).n_unique()


def _copied(case: UseCase[Any], proposed: Mapping[str, Mapping[str, Any]], loaded: Loaded) -> InputError | None:
    """Return the error for rows that look like copies rather than receipts: few of them, or every row as often as every other.

    Receipts fill most days with varying numbers of rows; adding up an export that was put together twice would double its sales.
    """
    first = next(iter(proposed))
    table = loaded.tables[first]
    identity = [ours for ours in (case.time, *case.keys) if ours in table.columns]
    values = [ours for ours in table.columns if ours != ROW]
    groups = table.group_by(identity, maintain_order=True).agg(pl.len().alias("rows"), pl.struct(values).n_unique().alias("kinds"))
    double = groups.filter(pl.col("rows") > 1)
    whole = bool((groups["rows"] == groups["rows"][0]).all() and (groups["kinds"] == 1).all())
    if not whole and double["rows"].sum() > FEW_COPIES * table.height:
        return None
    at = table.filter(pl.struct(identity).is_duplicated()).sort(ROW).row(0, named=True)
    same = table.filter(pl.all_horizontal(pl.col(ours) == at[ours] for ours in identity))[ROW].sort()
    place = {"value": ", ".join(f"{ours} = {at[ours]}" for ours in identity), "rows": ", ".join(map(str, same.head(3)))}
    count = int(double["rows"].sum())
    return InputError("table.duplicates", table=first, file=proposed[first]["file"], count=count, keys=", ".join(identity), **place)


def _load_receipts(case: UseCase[Any], proposed: dict[str, dict[str, Any]], chosen: Mapping[str, tuple[Path, list[Guess]]]) -> Loaded:
    """Load as proposed; where few rows are negative and most days have several rows, they are receipts with cancellations to take off."""
    try:
        return _load(case, proposed, chosen)
    except InputError as error:
        first = next(iter(proposed))
        if error.key != "table.negative" or case.assemble or proposed[first].get("aggregate"):
            raise
        summed = {**proposed, first: {**proposed[first], "aggregate": True}}
        loaded = _load(case, summed, chosen)
        table = loaded.tables[first]
        many = float((table[case.target] < 0).mean() or 0) > FEW_CANCELLED  # type: ignore[arg-type]
        if many or _doubled(case, proposed, loaded) <= FEW_COPIES * table.height:
            raise error from None  # no receipts with a cancellation now and then
        proposed.update(summed)
        return loaded


def _load(case: UseCase[Any], proposed: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, tuple[Path, list[Guess]]]) -> Loaded:
    settings = {name: TableSettings.model_validate({**values, "file": str(chosen[name][0].resolve())}) for name, values in proposed.items()}
    base = next(iter(chosen.values()))[0].resolve().parent
    if case.assemble:
        return load_separate(case.tables, settings, base, case=case.name)
    return load_tables(case.schema, settings, base, case=case.name)
