"""The wizard of `musterwerk new`: a few questions on a terminal, each with an answer that Enter takes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.scaffold.folder import SCRATCH, NewFolder
from pipelines.settings import merged, override, read_toml
from pipelines.texts import Lang, label, number, text
from pipelines.understand import understand
from pipelines.understand.understand import Understanding
from pipelines.usecase import UseCase

Ask = Callable[[str], str]


def asked_case(cases: Mapping[str, str], lang: Lang, ask: Ask) -> str:
    """Return the use case to start from, by its number or name; `scratch` for one of one's own."""
    names = [*cases, SCRATCH]
    titles = [*(text(f"{name}.title", lang) for name in cases), text("new.scratch", lang)]
    listed = "\n".join(f"  {place}  {name}: {title}" for place, (name, title) in enumerate(zip(names, titles, strict=True), 1))
    while True:
        answer = ask(text("new.ask_case", lang, cases=listed)).strip() or names[0]
        chosen = names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else answer
        if chosen in names:
            return chosen


def asked(wish: NewFolder, case: UseCase[Any] | None, ask: Ask) -> NewFolder:
    """Return the wish with files, columns and costs as answered; without a file nothing more is asked."""
    files = _files(wish.lang, ask)
    if not files or case is None:
        return replace(wish, data=files)
    columns = _columns(understand(case, files, wish.lang), case, wish.lang, ask)
    return replace(wish, data=files, columns=columns, values=merged(wish.values, _values(case, ask, wish)))


def _files(lang: Lang, ask: Ask) -> tuple[Path, ...]:
    files: list[Path] = []
    while True:
        answer = ask(text("new.ask_more" if files else "new.ask_data", lang)).strip().strip("\"'")  # dragged files come in quotes
        if not answer:
            return tuple(files)
        file = Path(answer).expanduser()
        if file.is_file():
            files.append(file)
        else:
            ask(text("new.ask_no_file", lang, file=file))


def _columns(seen: Understanding, case: UseCase[Any], lang: Lang, ask: Ask) -> dict[str, dict[str, str]]:
    """Ask for each required column, and for each guess that is not sure, which header holds it."""
    answers: dict[str, dict[str, str]] = {}
    for about in seen.files:
        table, headers = about["table"], list(about["headers"])
        schema = case.tables.get(table, case.schema)
        for column, described in schema.items():
            guess = seen.mapping[table].get(column)
            needed = not described.optional and not described.derived and not (described.role == "key" and guess is None)
            if (guess and guess.sure) or (not needed and not guess) or (table != seen.files[0]["table"] and not guess):
                continue
            doc = label(case.name, "column", column, lang) if lang == "de" else described.doc
            default = guess.header if guess else ""
            question = text("new.ask_column", lang, file=about["file"], column=column, doc=doc, headers=", ".join(headers), default=default)
            header = ask(question).strip() or default
            if header in headers:
                answers.setdefault(table, {})[column] = header
    return answers


def _values(case: UseCase[Any], ask: Ask, wish: NewFolder) -> dict[str, Any]:
    """Ask for what the use case names in `asked`, else for every number under [costs] of its example settings."""
    example = read_toml(case.folder / "settings.toml") if case.folder else {}
    for section, own in case.own_data.items():
        for name, value in own.items():
            example = merged(example, override(f"{section}.{name}={value}")) if value else example
    costs = example.get("costs", {})
    names = case.asked or [f"costs.{name}" for name, value in costs.items() if isinstance(value, int | float)]
    values: dict[str, Any] = {}
    for dotted in names:
        section, _, name = dotted.partition(".")
        default = example.get(section, {}).get(name, 0.0)
        answer = ask(text("new.ask_value", wish.lang, name=dotted, default=number(default, wish.lang, 4).rstrip("0").rstrip(".,"))).strip()
        if answer:
            plain = answer.replace(".", "").replace(",", ".") if "," in answer else answer
            values = merged(values, override(f"{dotted}={plain}"))
    return values
