"""Find what a German page says in English: pieces of text that both languages show alike and that are no names, numbers or codes."""

import re
from html.parser import HTMLParser

WORD = re.compile(r"[A-Za-zÄÖÜäöüß]{3,}")
CODE = re.compile(r"[\w./-]*[_./=\d][\w./=-]*|[A-Z0-9-]{2,}")
ENGLISH = re.compile(
    r"\b(the|and|of|with|without|from|for|per|which|that|this|are|is|were|has|have|not|than|each|every|day|days|week|weeks|"
    r"must|should|share|known|unknown|missing|left|cost|saved|usual|pieces|demand|between|above|below|must|no such)\b"
)
INTERNATIONAL = {"name", "start", "plan", "report", "version", "level", "index", "test", "status", "system", "budget", "trend"}


class Texts(HTMLParser):
    """Collects the pieces of text that a reader, or a screen reader, meets in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("style", "script", "code")
        self.pieces += [value or "" for name, value in attrs if name in ("alt", "aria-label", "title", "placeholder")]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "script", "code")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(data)


def pieces(text: str) -> set[str]:
    """The pieces of a page, or the lines of a plain text, without blanks around them."""
    found = Texts(text).pieces if "<html" in text[:2000] else text.splitlines()
    return {" ".join(piece.split()) for piece in found if piece.strip()}


def words(piece: str) -> list[str]:
    """The words of a piece that could be of a language: no codes, no file names, no settings."""
    return [word for word in WORD.findall(CODE.sub(" ", piece)) if word.lower() not in INTERNATIONAL]


def untranslated(english: str, german: str, names: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """Return pieces that both versions show, or English words in the German one; `names`: what the user's own data say."""
    known = {word for name in names for word in WORD.findall(name)}
    shared = {piece for piece in pieces(english) & pieces(german) if len([word for word in words(piece) if word not in known]) > 1}
    foreign = {piece for piece in pieces(german) if piece not in names and len(ENGLISH.findall(CODE.sub(" ", piece).lower())) > 1}
    return shared | foreign
