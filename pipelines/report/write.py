"""Put the page together and write it: one file, nothing loaded from elsewhere, one script for the sliders and no other."""

import json
import os
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from pipelines import __version__
from pipelines.report.head import head
from pipelines.report.page import Section
from pipelines.report.trust import notes, trust
from pipelines.report.words import Words
from pipelines.report.worth import worth
from pipelines.result import Result
from pipelines.texts import Lang


def write_report(result: Result, file: Path, lang: Lang = "en", case_title: str = "", run_name: str = "") -> None:
    """Write the report of one run as a single HTML file: the same Result gives the same bytes.

    Parameters
    ----------
    file
        Written under a temporary name, then renamed; its folder is made when missing.
    lang
        Language of texts, numbers and dates.
    case_title
        Name of the use case as people read it; default: its technical name.
    run_name
        Named in the footer, so that the page can be traced to its run.
    """
    page = render(result, lang, case_title, run_name)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(page, encoding="utf-8", newline="\n")
    unfinished.replace(file)


def render(result: Result, lang: Lang, case_title: str = "", run_name: str = "", further: Sequence[Section] = ()) -> str:
    """Return the report as HTML; `further`: the use case's own sections, shown after what the plan is worth."""
    words = Words(lang, result.case)
    first, *others = worth(result, words)
    remarks = [notes(result, words)] if result.notes else []  # limits of the claims stand early
    name = case_title or result.case.replace("_", " ")
    return _template().render(
        words=words,
        lang=lang,
        name=name,
        notice=result.notice.get(lang, ""),
        head=head(result, words, name),
        **_what_if(result),
        sections=[first, *remarks, *further, *others, *trust(result, words)],
        version=__version__,
        run_name=run_name,
        digest=result.data.digest[:12],
    )


def _what_if(result: Result) -> dict[str, Any]:
    """Return what the template needs for the sliders: tables, script, and the script's hash, the only one the page allows."""
    if result.what_if is None:
        return {"what_if": None, "what_if_json": "", "script": "", "script_source": ""}
    code = files(__package__ or "pipelines.report").joinpath("what_if.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(code.encode()).digest()).decode()
    tables = json.dumps({**result.what_if, "days": result.report.days}, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    allowed = Markup(f"; script-src 'sha256-{digest}'")  # noqa: S704 - a hash
    return {"what_if": result.what_if, "what_if_json": Markup(tables), "script": Markup(code), "script_source": allowed}  # noqa: S704


@cache
def _template() -> Template:
    here = files(__package__ or "pipelines.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["style"] = Markup(here.joinpath("report.css").read_text(encoding="utf-8"))  # noqa: S704
    return environment.from_string(here.joinpath("report.html.j2").read_text(encoding="utf-8"))
