"""The documentation is executed: every command as a reader types it, in a folder and a home where nothing has been yet."""

import os
import random
import re
import resource
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipelines.exercises.catalogue import EXERCISES
from tests.conftest import program
from tests.console import ROOT, environment, run_page, unfounded
from tests.test_exercises import SOLUTIONS, filled

DOCS = ROOT / "docs"
COMPANY, CONSULTANT = DOCS / "tutorials" / "from-export-to-plan.md", DOCS / "tutorials" / "twenty-minutes.md"
FURTHER = sorted(
    page for page in DOCS.rglob("*.md") if "```console" in page.read_text(encoding="utf-8") and page not in (COMPANY, CONSULTANT)
)
SECONDS_OF_A_DEMONSTRATION = 300
EXPORT = str(DOCS / "tutorials" / "make_export.py")
pytestmark = [pytest.mark.slow, pytest.mark.docs, pytest.mark.timeout(1800)]  # wall-clock time on a busy machine


def cpu_seconds() -> float:
    """CPU seconds of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def done(folder: Path, *words: str, code: int = 0) -> str:
    """Run a command where nothing of this project has been before; return what it printed."""
    ended = subprocess.run([*words], check=False, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all commands of the tutorial for a small company; the other how-to pages go on from here."""
    folder, text = tmp_path_factory.mktemp("company"), COMPANY.read_text(encoding="utf-8")
    assert unfounded(text, run_page(text, folder)) == []
    return folder


def test_the_tutorial_ends_with_sheets_to_work_with(company):
    book = openpyxl.load_workbook(company / "mlruns" / "plans" / "food_waste" / "2025-03-21" / "plan.xlsx")
    assert len(book.sheetnames) == 3
    said = {cell.value for row in book[book.sheetnames[1]].iter_rows() for cell in row}
    assert {"Changed to", "Reason for the change"} <= said


@pytest.mark.parametrize("page", FURTHER, ids=lambda page: page.stem)
def test_a_page_goes_on_from_there_and_does_as_it_says(page, company, tmp_path):
    folder = tmp_path / "company"
    shutil.copytree(company, folder)
    runpy.run_path(str(DOCS / "tutorials" / "make_export.py"))["export"](folder, 31, corrected=True).rename(folder / "Umsätze 2024.xlsx")
    text = page.read_text(encoding="utf-8")
    assert unfounded(text, run_page(text, folder)) == [] or page.parent.name != "tutorials"


def test_a_company_goes_from_an_unknown_export_to_a_plan_without_code(tmp_path):
    """The seed comes at run time: encoding, separator, decimal mark, date form, headers and figures are known to nobody beforehand."""
    seed = os.environ.get("WALKTHROUGH_SEED") or str(random.SystemRandom().randrange(1000, 1_000_000))
    file = done(tmp_path, sys.executable, EXPORT, "kasse", "--seed", seed).strip()
    said = done(tmp_path, "musterwerk", "check", "food_waste", "--data", file, "--lang", "de", code=2)
    assert "31.02.2025" in said, seed
    done(tmp_path, sys.executable, EXPORT, "kasse", "--seed", seed, "--corrected")
    done(tmp_path, "musterwerk", "new", "laden", "--from", "food_waste", "--data", file, "--lang", "de")
    said = done(tmp_path, "musterwerk", "run", "laden", "--lang", "de")
    assert "Der Plan ist nachweislich besser" in said, seed
    done(tmp_path, "musterwerk", "plan", "laden", "--for", "21.03.2025", "--lang", "de")
    book = openpyxl.load_workbook(tmp_path / "mlruns" / "plans" / "food_waste" / "2025-03-21" / "plan.xlsx")
    assert len(book.sheetnames) == 3, seed
    assert not [file for file in (tmp_path / "laden").glob("*.py") if file.name != "smoke_test.py"], "no code was needed"


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all commands of the consultant's twenty minutes."""
    folder, text = tmp_path_factory.mktemp("meeting"), CONSULTANT.read_text(encoding="utf-8")
    before = cpu_seconds()
    assert unfounded(text, run_page(text, folder)) == []
    assert cpu_seconds() - before < SECONDS_OF_A_DEMONSTRATION, "report, what-if, the guest's own file and the archive"
    return folder


def pictures() -> dict[str, Any]:
    """What the script that takes the pictures offers."""
    return runpy.run_path(str(DOCS / "images" / "make_pictures.py"))


def test_a_consultant_has_a_report_whose_sliders_say_what_the_command_says(meeting):
    program("chromium", "chromium-browser", "google-chrome")
    offered, runs = pictures(), sorted(meeting.glob("mlruns/runs/food_waste-*"))
    with offered["browser"]() as opened:
        page = opened.new_page()
        page.goto((runs[0] / "report.html").as_uri())
        said = offered["moved"](page, offered["DEARER"])
        saved = page.evaluate("window.musterwerkWhatIf.saved")
    assert said == offered["notes"]()["sliders"]["shown"], "sliders.png is stale: make pictures"
    by_command = re.search(r"Over the whole report period: €([\d,]+)", (runs[1] / "report.html").read_text(encoding="utf-8"))
    assert by_command is not None
    assert saved == pytest.approx(float(by_command[1].replace(",", "")), rel=0.005)


def test_the_pictures_of_the_meeting_show_what_its_reports_say(meeting):
    offered, runs = pictures(), sorted(meeting.glob("mlruns/runs/food_waste-*"))
    noted = offered["notes"]()
    for name, run in (("first", runs[0]), ("guest", runs[-1])):
        assert noted[name]["shown"] == offered["shown"](run / "report.html"), f"{name}.png is stale: make pictures"


def test_a_student_solves_the_first_three_exercises(tmp_path):
    for one in EXERCISES[:3]:
        number, script = str(one.number), tmp_path / one.file
        done(tmp_path, "musterwerk", "exercise", "start", number)
        done(tmp_path, "musterwerk", "exercise", "check", number, code=3)
        made = script.read_text(encoding="utf-8")
        script.write_text(filled(made, (SOLUTIONS / f"{one.name}.py").read_text(encoding="utf-8")), encoding="utf-8")
        done(tmp_path, sys.executable, one.file)
        done(tmp_path, "musterwerk", "exercise", "check", number)
