"""The section on what people made of the plans so far: how often they decided otherwise, in which direction, why."""

from pipelines.audit import People
from pipelines.report.page import Section, Table
from pipelines.report.words import Words
from pipelines.result import Interval
from pipelines.texts import Lang

MOST_REASONS = 10
LEAST_REASON = 2  # a reason given once may tell of a single case


def people_section(found: People | None, case: str, lang: Lang) -> list[Section]:
    """Return the section, or nothing where no plan was made yet."""
    if found is None or found.agreement is None:
        return []
    words = Words(lang, case)
    share, low, high = found.agreement
    shown = words.range(Interval(share, low, high), lambda value: words.percent(value, 1))
    title = words("people_title", agreed=words.percent(share), planned=words.number(found.planned, 0))
    counts = ("planned", "raised", "lowered", "confirmed", "named", "reasoned")
    rows = [[words(f"people_{name}"), words.number(getattr(found, name), 0)] for name in counts]
    tables = [Table(words("people_caption"), [words("people_lines"), words("people_count")], rows, shown=True)]
    often = [(reason, count) for reason, count in found.reasons if count >= LEAST_REASON]
    if often:
        named = [[reason, words.number(count, 0)] for reason, count in often[:MOST_REASONS]]
        tables.append(Table(words("people_reasons"), [words("people_reason"), words("people_count")], named))
    text = [words("people_text", share=words.percent(share, 1), interval=shown, changed=words.number(found.changed, 0))]
    return [Section("people", words("nav_people"), title, text, tables=tables)]
