"""What columns and units are called on sheets: the use case's own words, else the names themselves."""

from pipelines.texts import Lang, catalogue


def label(case: str, group: str, name: str, lang: Lang) -> str:
    """Return the text `group_name` (column_product, unit_pieces) of the use case's catalogue, or the name with blanks."""
    try:
        own = catalogue(case, lang)
    except KeyError:
        own = {}
    return own.get(f"{group}_{name}", name.replace("_", " "))
