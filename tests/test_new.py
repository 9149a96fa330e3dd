"""`musterwerk new`: a folder that runs at once from an export nobody has seen before, and plans."""

import tomllib
from pathlib import Path

from tests.bakery import bakery, till_export
from usecases.__main__ import main

EXPORT = ["Kassenbericht;;;;", "", *till_export()]


def export(folder: Path) -> Path:
    path = folder / "Umsätze 2024.csv"
    path.write_bytes("\r\n".join(EXPORT).encode("cp1252"))
    return path


def test_new_run_plan_without_a_line_of_code(tmp_path, mlflow_home, capsys):
    folder = tmp_path / "meine-bäckerei"
    assert main(["new", str(folder), "--from", "food_waste", "--data", str(export(tmp_path)), "--lang", "de"]) == 0
    assert {path.name for path in folder.iterdir()} == {"settings.toml", "README.md", "smoke_test.py", "schedule.md", "Umsätze 2024.csv"}
    assert "eigenen Kosten" in (folder / "README.md").read_text(encoding="utf-8")
    assert "%name%" not in (folder / "schedule.md").read_text(encoding="utf-8")
    values = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))
    assert values["data"]["sales"]["columns"] == {
        "day": "Datum",
        "branch": "Filiale",
        "product": "Artikel",
        "sold": "Menge",
        "ordered": "Bestellt",
    }
    assert main(["run", str(folder), "--home", str(mlflow_home), "--set", "periods.refit_days=365"]) == 0
    run = next(path.name for path in (mlflow_home / "runs").iterdir() if path.is_dir())
    capsys.readouterr()
    assert main(["plan", str(folder), "--home", str(mlflow_home), "--for", "29.08.2024", "--model", run]) == 0
    assert "6 lines in 2 sheets" in capsys.readouterr().out


def test_own_code_is_used_and_named_when_it_is_wrong(tmp_path, mlflow_home, capsys):
    folder = tmp_path / "laden"
    assert main(["new", str(folder), "--data", str(export(tmp_path)), "--own-code"]) == 0
    code = folder / "usecase.py"
    source = code.read_text(encoding="utf-8")
    code.write_text(source.replace("replace(BUILT_IN)", 'replace(BUILT_IN, title={"en": "My own bakery"})'), encoding="utf-8")
    assert main(["run", str(folder), "--home", str(mlflow_home)]) == 0
    run = next(path for path in (mlflow_home / "runs").iterdir() if path.is_dir())
    assert "My own bakery" in (run / "report.html").read_text(encoding="utf-8")
    for broken, said in (("CASE = 1", "CASE = UseCase"), ("1 / 0", "ZeroDivisionError"), ("def", "SyntaxError")):
        code.write_text(broken, encoding="utf-8")
        capsys.readouterr()
        assert main(["run", str(folder), "--home", str(mlflow_home)]) == 2
        shown = capsys.readouterr().err
        assert said in shown
        assert "usecase.py" in shown


def test_nothing_is_overwritten_or_left_half_made(tmp_path, capsys):
    folder = bakery(tmp_path / "laden")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["new", str(folder), "--data", str(export(tmp_path))]) == 2
    assert "not empty" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = tmp_path / "kaputt.csv"
    broken.write_text("Datum;Filiale\n01.01.2024;Süd\n", encoding="utf-8")
    assert main(["new", str(tmp_path / "neu"), "--data", str(broken)]) == 2
    assert "required columns are missing" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Umsätze 2024.csv", "kaputt.csv", "laden"]


def test_without_data_the_embedded_example_runs(tmp_path):
    assert main(["new", str(tmp_path / "beispiel")]) == 0
    assert "[data.sales]" not in (tmp_path / "beispiel" / "settings.toml").read_text(encoding="utf-8")
