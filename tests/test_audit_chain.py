"""The log as a chain of hashes: changed, cut, swapped and forged lines are found, whole ones never lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.audit import append, read, repair, verify
from pipelines.audit.entries import hashed
from pipelines.errors import GateError, InputError

LAST = date(2024, 1, 2) + timedelta(days=239)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve lines in three appends."""
    file = tmp_path_factory.mktemp("log") / "toy.jsonl"
    for first in range(0, 12, 4):
        entries = [{"kind": "decision", "keys": {"ward": "Süd"}, "decision": {"bake": number}} for number in range(first, first + 4)]
        append(file, entries)
    return file


def copied(log: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(f"{log}.head", folder / f"{log.name}.head")
    return Path(shutil.copy(log, folder / log.name))


def test_the_chain_is_what_anyone_can_compute(whole):
    before = "0" * 64
    for number, raw in enumerate(whole.read_bytes().splitlines(), start=1):
        found = re.fullmatch(rb'(.*),"hash":"([0-9a-f]{64})"}', raw)
        assert found is not None
        body, stated = found.groups()
        entry = json.loads(raw)
        assert sha256(body).hexdigest().encode() == stated
        assert (entry["line"], entry["prev"]) == (number, before)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", entry["time"])
        before = entry["hash"]
    assert verify(whole).hash == before
    assert verify(whole).lines == 12


def test_one_changed_byte_anywhere_is_found_and_its_line_named(tmp_path):
    file = tmp_path / "small.jsonl"
    append(file, [{"kind": "decision", "decision": {"bake": number}} for number in range(5)])
    content = file.read_bytes()
    assert len(content) > 1000
    for place in range(len(content)):
        line = content[:place].count(b"\n") + 1
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(GateError) as caught:
            verify(file)
        assert caught.value.values["line"] == line, place


@settings(max_examples=150)
@given(st.data())
def test_any_other_byte_any_cut_any_swap_is_found(whole, data):
    content = whole.read_bytes()
    file = copied(whole, whole.parent / "other")
    lines = content.splitlines(keepends=True)
    place = data.draw(st.integers(0, len(content) - 1))
    number = data.draw(st.integers(0, len(lines) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    changes = {
        "byte": content[:place] + bytes([other]) + content[place + 1 :],
        "cut": content[:place],
        "swap": b"".join([*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]),
        "gone": b"".join([*lines[:number], *lines[number + 1 :]]),
        "twice": b"".join([*lines[: number + 1], *lines[number:]]),
    }
    file.write_bytes(changes[data.draw(st.sampled_from(sorted(changes)))])
    with pytest.raises(GateError):
        verify(file)


def test_lines_missing_from_the_end_are_seen_and_nothing_is_written_behind_the_gap(whole, tmp_path):
    file = copied(whole, tmp_path)
    file.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:10]))
    for act in (lambda: verify(file), lambda: append(file, [{"kind": "decision"}])):
        with pytest.raises(GateError, match="missing from line 11 on"):
            act()


def test_a_log_written_anew_does_not_hold_what_was_noted(whole, tmp_path):
    noted = [json.loads(line)["hash"] for line in whole.read_bytes().splitlines()]
    assert verify(whole, noted[4]).lines == 12
    other = tmp_path / "toy.jsonl"
    append(other, [{"kind": "decision", "run": "r", "decision": {"bake": number}} for number in range(12)])
    with pytest.raises(GateError, match=noted[4]):
        verify(other, noted[4])


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_line_cut_off_by_a_crash_is_named_and_repaired_without_losing_a_whole_one(whole, tmp_path, kept):
    file = copied(whole, tmp_path)
    before, last = whole.read_bytes().rsplit(b"\n", 2)[0] + b"\n", whole.read_bytes().splitlines()[-1] + b"\n"
    Path(f"{file}.head").unlink()  # a crash in the first append leaves none
    file.write_bytes(before + last[:kept])
    for act in (lambda: verify(file), lambda: append(file, [{"kind": "decision"}])):
        with pytest.raises(GateError, match=r"line 12: the line was cut off.*--repair"):
            act()
    assert file.read_bytes() == before + last[:kept]
    aside = repair(file)
    assert aside is not None
    assert aside.read_bytes() == last[:kept]
    assert file.read_bytes().startswith(before)
    entries = list(read(file))
    assert (entries[-1]["kind"], entries[-1]["bytes"], entries[-1]["line"]) == ("repair", len(last[:kept]), 12)
    assert repair(file) is None
    append(file, [{"kind": "decision"}])
    assert verify(file).lines == 13


def test_a_full_disk_leaves_the_log_as_it_was(whole, tmp_path, monkeypatch):
    file = copied(whole, tmp_path)
    write = os.write

    def full(number: int, text: bytes) -> int:
        write(number, text[:30])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.audit.chain.os.write", full)
    with pytest.raises(InputError, match="No space left"):
        append(file, [{"kind": "decision"}])
    assert file.read_bytes() == whole.read_bytes()


WRITER = """
import sys
from pathlib import Path
from pipelines.audit.chain import append
for number in range(25):
    append(Path(sys.argv[1]), [{"kind": "decision", "run": sys.argv[2], "row": sign * number} for sign in (1, -1)])
"""


def test_processes_that_write_at_once_make_one_chain(tmp_path):
    file = tmp_path / "busy.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), f"{name}"]) for name in range(3)]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 3
    assert verify(file).lines == 150
    entries = list(read(file))
    for name in range(3):
        rows = [entry["row"] for entry in entries if entry["run"] == f"{name}"]
        assert rows == [sign * number for number in range(25) for sign in (1, -1)]


def test_row_hashes_need_the_salt_and_see_every_value():
    rows = pl.DataFrame({"id": [1, 2], "x": [0.1, None], "word": ["a", "a"]})
    first = hashed(rows, ["id"], b"salt")["_hash"].to_list()
    assert first == hashed(rows.select("word", "x", "id"), ["id"], b"salt")["_hash"].to_list()
    assert not set(first) & set(hashed(rows, ["id"], b"other")["_hash"].to_list())
    assert first[0] != hashed(rows.with_columns(x=pl.lit(0.1 + 2**-56)), ["id"], b"salt")["_hash"][0]
