"""The runner of the documentation's commands sees what is not as a page says."""

from pathlib import Path

from tests.console import Step, difference, newest, plain, steps, unfounded

HERE = Path("/home/me")


def test_commands_outputs_and_exit_codes_are_read():
    text = "```console\n$ musterwerk list\nfood_waste  ...\n\n...\n$ musterwerk what\n$ echo $?\n2\n```\n```\n$ not this\n```\n"
    assert steps(text) == [Step("musterwerk list", ("food_waste  ...", "..."), 0), Step("musterwerk what", (), 2)]


def test_every_figure_and_line_must_be_as_shown():
    saved = "Saved 1,118 Euros (95 % interval 979 to 1,233), 62 % of it"
    step = Step("run", ("...", saved, "Report: mlruns/runs/food_waste-20250321-060212/report.html"), 0)
    report = "Report: mlruns/runs/food_waste-20261125-173117/report.html"
    assert difference(step, f"  1.0 s  Reading\n{saved}\n\n{report}\n", HERE) == ""
    assert "979" in difference(step, f"{saved.replace('979', '980')}\n{report}\n", HERE)
    assert "leaves out: more" in difference(step, f"{saved}\n{report}\nmore\n", HERE)
    assert "nothing more" in difference(step, f"{saved}\n", HERE)
    assert difference(Step("run", (saved, "end"), 0), f"{saved}\nbetween\nend\n", HERE)
    assert not difference(Step("run", (saved, "...", "end"), 0), f"{saved}\nbetween\nend\n", HERE)
    assert not difference(Step("run", (), 0), "anything\n", HERE)


def test_only_times_places_and_versions_are_left_open():
    assert plain("a /home/me/x.csv 12.5 s, 388 kB, 0.1.0 food_waste-20250321-060212", HERE) == "a x.csv # s, # kB, VERSION food_waste-TIME"
    assert plain("144 a week; 65 % of 1,232 pieces; rows 8", HERE) == "144 a week; 65 % of 1,232 pieces; rows 8"


def test_a_run_named_on_a_page_is_the_newest_one_there(tmp_path):
    for name in ("food_waste-20260101-000000", "food_waste-20260102-000000", "energy-20260103-000000"):
        (tmp_path / "mlruns" / "runs" / name).mkdir(parents=True)
    assert newest("report food_waste-20250321-141503 --papers", tmp_path) == "report food_waste-20260102-000000 --papers"


def test_an_amount_that_no_command_printed_is_unfounded():
    assert unfounded("It saved 1,118 EUR of 62 pieces.\n\n```\n99 EUR\n```\n", ["1,118 a"]) == ["62"]
