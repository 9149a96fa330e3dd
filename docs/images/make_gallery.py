"""Write docs/gallery.md: every built-in use case with its report's first screen, from the notes beside the pictures.

    python docs/images/make_gallery.py

The figures come from the runs that were photographed; only what is decided, about what data, and where the limits are told is written here.
"""

import json
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.report.words import Words
from usecases.__main__ import built_in

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
NOTES = Path(__file__).parent / "pictures.json"
VERDICTS = {"better": "demonstrably better", "none": "no demonstrable benefit", "worse": "demonstrably worse"}

# what is decided; what the embedded data are; risk class as proposed, and where; what to know before believing the figure
TOLD = {
    "food_waste": (
        "How many pieces of each product each branch gets tomorrow",
        "a simulated bakery chain with known true demand",
        "[minimal](../usecases/food_waste/README.md#risk-class-eu-ai-act-a-proposal)",
        "A simulation is kinder than a business. Also measured on public data: [one chain](../datasets/ddop_bakery/README.md), [one branch](../datasets/kiel_bakery/README.md).",
    ),
    "medical_triage": (
        "Who gets a second look after the nurse's decision",
        "a simulated emergency department with known outcomes",
        "[high-risk](../usecases/medical_triage/README.md#risk-class); research and teaching only, not for the care of patients",
        "Most of it comes from looking twice at all, not from the model: see what the best simple rule does with the same slots.",
    ),
    "energy": (
        "When battery and vans charge, and below which peak",
        "a simulated bakery with a quarter-hour meter, sun and vans",
        "[minimal](../usecases/energy/README.md#risk-class-eu-ai-act-a-proposal)",
        "Business as usual here has no battery, so this is what the battery is worth without its price; the forecast adds next to nothing to a simple cap rule.",
    ),
    "delivery_rounds": (
        "Which van serves whom tomorrow, in which order",
        "a simulated bakery that drives fixed rounds",
        "[minimal](../usecases/delivery_rounds/README.md)",
        "The simulated vans were enlarged after the last days had been seen: a figure to show how it works, no blind result.",
    ),
    "mobility": (
        "Which bikes a truck moves tonight, or that it stays at home",
        "a simulated city with stations and trips",
        "[minimal](../usecases/mobility/README.md)",
        "The judge was mended after an earlier version had been scored on these same days: no blind figure. The operator's way is estimated.",
    ),
}


def amount(words: Words, saving: dict[str, Any], unit: str, days: int) -> str:
    """Return what is saved in an average week, with its interval."""
    value, low, high = (None if saving[name] is None else saving[name] * 7 / days for name in ("value", "low", "high"))
    return f"{words.amount(value, unit)} a week (95 %: {words.amount(low, unit)} to {words.amount(high, unit)})"


def entry(name: str, note: dict[str, Any]) -> str:
    """Return a use case's part of the page."""
    decision, data, risk, caveat = TOLD[name]
    figures, words = note["figures"], Words("en", name)
    head, rule = figures["headline"], figures["rule"]
    first, last = (date.fromisoformat(figures["report"][end]) for end in ("first", "last"))
    days = (last - first).days + 1
    saved = amount(words, head["saved"], head["unit"], days)
    captured = words.percent(head["captured"]["value"])
    against = "none" if rule is None else f"{words.choice(rule['rule'])}: {amount(words, rule['saved'], head['unit'], days)}"
    return "\n".join([
        f"## {import_module(built_in()[name]).CASE.title['en']}",
        "",
        f"![First screen of the report of {name}: {VERDICTS[figures['verdict']]}, {saved}](images/gallery/{name}.png)",
        "",
        "| | |",
        "|---|---|",
        f"| use case | [`{name}`](../usecases/{name}/README.md): `musterwerk run {name}` |",
        f"| decision | {decision} |",
        f"| data | {data}; judged on {words.day(first)} to {words.day(last)} |",
        f"| saved against business as usual | **{VERDICTS[figures['verdict']]}**, {words.label('unit', head['unit'])}: {saved} |",
        f"| captured share of the possible | {captured} |",
        f"| against the best simple rule | {against} |",
        f"| to know first | {caveat} |",
        f"| risk class (EU AI Act), as a proposal | {risk} |",
        f"| run time | {note['cpu_seconds']} CPU seconds on one core |",
    ])  # fmt: skip


def page() -> str:
    """Return the page."""
    noted = json.loads(NOTES.read_text(encoding="utf-8"))
    parts = [entry(name, noted[f"gallery/{name}"]) for name in sorted(built_in())]
    intro = """# Gallery

Every built-in use case with the first screen of its report, from a run on its embedded data: `musterwerk run NAME`, as it comes, nothing
chosen afterwards. Pictures and figures are made by `make pictures`; `make docs` fails when a run says something else than its picture.

All embedded data are simulated, and a simulation is kinder than a business. What counts is the same page on [data of one's
own](how-to/your-own-data.md). [How to read it](how-to/read-the-report.md)."""
    return "\n\n".join([intro, *parts]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
