"""`musterwerk exercise` end to end: list, start, check; and whatever a learner's script may do while it is checked."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.exercises.catalogue import EXERCISES, exercise
from pipelines.exercises.checking import check
from pipelines.exercises.script import script, start, verdict_text
from tests.test_exercises import BY_NAME, SOLUTIONS, filled
from usecases.__main__ import built_in, main

RIGHT = "def saved_eur(ledger):\n    return ledger.filter(policy='usual')['eur'].sum() - ledger.filter(policy='plan')['eur'].sum()\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUSTERWERK_LANG", raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["exercise", *words])
    out, err = capsys.readouterr()
    return code, out, err


def solution(name: str, lang: str = "en") -> str:
    return filled(script(BY_NAME[name], built_in(), "de" if lang == "de" else "en"), (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8"))


def run(file: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False, cwd=file.parent, env=environment)


def test_list_names_all_in_both_languages(place, capsys):
    code, out, err = told(capsys, "list")
    assert (code, err, len(out.splitlines())) == (0, "", len(EXERCISES))
    assert out.splitlines()[1] == " 2  Why a random split lies  (about 30 min)"
    rows = json.loads(told(capsys, "list", "--lang", "de", "--json")[1])
    assert [row["number"] for row in rows] == [one.number for one in EXERCISES]
    assert rows[3] == {"number": 4, "title": "Verdeckte Nachfrage", "minutes": 45, "file": "exercise_04_censored.py"}


def test_the_first_hour_of_a_student(place, capsys):
    """Start, run to the first assertion, check too early, answer wrongly, answer rightly; in German."""
    code, out, _ = told(capsys, "start", "1", "--lang", "de")
    file = place / "exercise_01_ledger.py"
    assert (code, file.is_file(), "musterwerk exercise check 1" in out) == (0, True, True)
    ran = run(file)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("AssertionError: saved_eur: liefert noch nichts.")
    code, out, err = told(capsys, "check", "1", "--lang", "de")
    assert (code, out, err) == (
        3,
        "saved_eur: noch eine Lücke. Die Antwort an die Stelle der drei Punkte setzen.\n",
        "Übung 1 ist noch nicht gelöst.\n",
    )
    file.write_text(filled(file.read_text(encoding="utf-8"), RIGHT.replace("usual", "perfect")), encoding="utf-8")
    assert run(file).stderr.splitlines()[-1].startswith("AssertionError: saved_eur: -15.0. Erwartet: 35.")
    file.write_text(solution("ledger", "de"), encoding="utf-8")
    assert run(file).stdout.splitlines()[-1] == "Der gezeigte Fall stimmt. Jetzt die verborgenen: musterwerk exercise check 1 --lang de"
    code, out, err = told(capsys, "check", "1", "--lang", "de")
    assert (code, err) == (0, "")
    assert out.startswith("Übung 1 ist gelöst: richtig in jedem verborgenen Fall. Weiter mit: musterwerk exercise start 2")


def test_exercises_one_to_three_from_an_empty_folder(place, capsys):
    for number, name in ((1, "ledger"), (2, "random_split"), (3, "newsvendor")):
        assert told(capsys, "start", str(number))[0] == 0
        assert told(capsys, "check", str(number))[0] == 3
        file = place / exercise(number).file
        answers = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
        file.write_text(filled(file.read_text(encoding="utf-8"), answers), encoding="utf-8")
        code, out, _ = told(capsys, "check", str(number))
        assert (code, out) == (
            0,
            f"Exercise {number} is solved: right in every hidden case. Next: musterwerk exercise start {number + 1}\n",
        )
    assert sorted(path.name for path in place.iterdir()) == [exercise(number).file for number in (1, 2, 3)]


def test_start_never_overwrites(place, capsys):
    assert told(capsys, "start", "3", "--to", "übungen")[0] == 0
    file = place / "übungen" / "exercise_03_newsvendor.py"
    file.write_text("my work", encoding="utf-8")
    code, out, err = told(capsys, "start", "3", "--to", "übungen")
    assert (code, out, file.read_text(encoding="utf-8")) == (2, "", "my work")
    assert "exercise_03_newsvendor.py exists already and is not overwritten" in err
    assert [path.name for path in (place / "übungen").iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "99"], "There is no exercise 99. They are numbered 1 to 11"),
        (["check", "0"], "There is no exercise 0"),
        (["check", "5"], "exercise_05_calibration.py is not there. Start with: musterwerk exercise start 5"),
        (["check", "5", "--file", "nowhere.py"], "nowhere.py is not there"),
        (["start", "one"], "musterwerk --help"),
        (["start", "1", "--to", "file"], "Nothing can be written to file"),
    ],
)
def test_wrong_words_end_with_2(words, said, place, capsys):
    (place / "file").write_text("", encoding="utf-8")
    code, out, err = told(capsys, *words)
    assert (code, out, said in err, "Traceback" in err) == (2, "", True, False), err


def test_a_missing_simulator_is_named(place):
    with pytest.raises(Exception, match="needs the simulator of the use case food_waste"):
        start(exercise(2), {}, place, "en")
    assert not list(place.iterdir())
    assert start(exercise(1), {}, place, "en").is_file()


def test_json_is_for_machines(place, capsys):
    told(capsys, "start", "9")
    code, out, _ = told(capsys, "check", "9", "--json")
    found = json.loads(out)
    assert (code, found["number"], found["passed"], found["function"], found["hint"]) == (3, 9, False, "share_oven", "empty")
    assert found["said"].startswith("share_oven: still a gap")


STRANGE = {
    "syntax": ("def saved_eur(ledger)\n    return 1\n", "syntax", "line 1"),
    "raises": ("1 / 0\n", "raises", "ZeroDivisionError (line 1 of the script)"),
    "sys.exit": ("import sys\nsys.exit(0)\n", "raises", "sys.exit"),
    "renamed": ("def saved(ledger):\n    return 1\n", "missing", "Keep the names"),
    "no function": ("saved_eur = 1\n", "missing", "Keep the names"),
    "dies": ("import os\nprint('going', flush=True)\nos._exit(0)\n", "died", "going"),
    "no such column": (RIGHT.replace("['eur']", "['euro']"), "no_column", "euro"),
    "in the function": ("def saved_eur(ledger):\n    x = 1\n    return x + 'a'\n", "raises", "TypeError (line 3 of the script)"),
    "a table": ("def saved_eur(ledger):\n    return ledger\n", "different", "right is"),
    "asks": ("def saved_eur(ledger):\n    return float(input('How much? '))\n", "raises", "EOFError"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_script_gets_an_answer_not_a_traceback(kind, tmp_path):
    source, hint, said = STRANGE[kind]
    one = exercise(1)
    file = tmp_path / one.file
    file.write_text(source + "\n\ndef worst_branch(ledger):\n    return 'Nord'\n", encoding="utf-8")
    found = check(one, file)
    assert (found.passed, found.hint) == (False, hint), found
    assert said in verdict_text(one, found, "en")
    assert "Traceback" not in verdict_text(one, found, "de")


def test_an_endless_loop_ends_with_everything_it_started(tmp_path):
    one = exercise(1)
    file, alive = tmp_path / one.file, tmp_path / "alive.txt"
    child = f"import time; [(open({str(alive)!r}, 'a').write('x'), time.sleep(0.2)) for _ in range(300)]"
    file.write_text(f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}])\nwhile True: pass\n", encoding="utf-8")
    began = time.monotonic()
    found = check(one, file, seconds=3)
    assert (found.hint, found.values, time.monotonic() - began < 30) == ("too_long", {"seconds": "3"}, True)
    written = alive.stat().st_size if alive.exists() else 0
    time.sleep(0.8)
    assert (alive.stat().st_size if alive.exists() else 0) == written


def test_a_check_is_not_disturbed_by_what_the_script_writes_and_leaves_the_folder_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    noise = (
        "import os\nfrom helper import NAME\nprint('{\"passed\": false}' * 100)\n"
        "open('rubbish.txt', 'w').write('x')\nassert 'SECRET_TOKEN' not in os.environ\n"
    )
    (tmp_path / "helper.py").write_text("NAME = 'usual'\n", encoding="utf-8")
    one = exercise(1)
    file = tmp_path / one.file
    file.write_text(noise + solution("ledger"), encoding="utf-8")
    found = check(one, file)
    assert found.passed, found
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"helper.py", one.file}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_solved_script_runs_through(name, capsys):
    exec(compile(solution(name), f"{name}.py", "exec"), {"__name__": "__main__"})
    assert f"musterwerk exercise check {BY_NAME[name].number}" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "use_case"])
def test_the_unedited_script_stops_at_an_assertion_that_explains_itself(name):
    made = script(BY_NAME[name], built_in(), "en")
    with pytest.raises(AssertionError, match=f"^{BY_NAME[name].functions[0]}: gives nothing yet. Put the answer in place"):
        exec(compile(made, f"{name}.py", "exec"), {"__name__": "__main__"})
