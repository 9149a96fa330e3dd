"""Every picture of the documentation shows what the code says today; small, described in words, and in the gallery with honest figures."""

import re
import runpy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import program
from usecases.__main__ import built_in

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
OFFERED: dict[str, Any] = runpy.run_path(str(IMAGES / "make_pictures.py"))
NOTED: dict[str, Any] = OFFERED["notes"]()
SMALL, LARGE = 150_000, 400_000  # bytes of a picture of the gallery, and of the larger one with the sliders
RUN_ON_ITS_OWN = [name for name, note in NOTED.items() if "case" in note]


def test_every_picture_has_its_note_and_every_note_its_picture():
    files = {file.relative_to(IMAGES).with_suffix("").as_posix(): file for file in IMAGES.rglob("*.png")}
    assert files.keys() == NOTED.keys()
    for name, file in files.items():
        assert sha256(file.read_bytes()).hexdigest() == NOTED[name]["picture"], f"{name}.png was not taken by make pictures"
        assert file.stat().st_size <= (LARGE if name == "report" else SMALL), name
        assert NOTED[name]["shown"], name


def test_every_picture_is_shown_somewhere_and_told_in_words():
    text = "\n".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for name in NOTED:
        words = re.findall(rf"!\[([^\]]*)\]\([^)]*\b{re.escape(name)}\.png\)", text)
        assert words, f"no page shows {name}.png"
        assert all(len(said) > 60 for said in words), name


def test_the_gallery_holds_every_use_case_and_is_made_from_the_notes():
    made = runpy.run_path(str(IMAGES / "make_gallery.py"))
    assert {name.removeprefix("gallery/") for name in NOTED if name.startswith("gallery/")} == set(built_in()), "make pictures"
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "stale: python docs/images/make_gallery.py"


def test_the_first_screen_is_read_without_what_stands_below(tmp_path):
    page = tmp_path / "report.html"
    page.write_text(
        "<style>x</style>out<header><h1>Saves  €1</h1></header><svg><text>€0</text></svg><nav id='contents'>below</nav>", "utf-8"
    )
    assert OFFERED["shown"](page) == ["Saves €1", "€0"]


def test_the_digest_follows_the_code(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("words\n", encoding="utf-8")
    code_of = OFFERED["code_of"]
    code_of.__globals__["ROOT"] = tmp_path
    before = code_of(".")
    (tmp_path / "README.md").write_text("other words\n", encoding="utf-8")
    assert code_of(".") == before
    (tmp_path / "a.py").write_text("x = 2\n", encoding="utf-8")
    assert code_of(".") != before
    code_of.__globals__["ROOT"] = ROOT


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("case", sorted({NOTED[name]["case"] for name in RUN_ON_ITS_OWN}))
def test_a_run_says_what_its_picture_shows(case, tmp_path):
    """Nothing to do while the code is the one that made the picture; else it is run again and compared."""
    pictures = {name: NOTED[name] for name in RUN_ON_ITS_OWN if NOTED[name]["case"] == case}
    if {note["code"] for note in pictures.values()} == {OFFERED["code_of_case"](case)}:
        return
    program("chromium", "chromium-browser", "google-chrome")
    OFFERED["run"](tmp_path, "run", case)
    said = OFFERED["shown"](OFFERED["newest"](tmp_path, case) / "report.html")
    for name, note in pictures.items():
        assert said == note["shown"], f"{name}.png is stale: make pictures"
