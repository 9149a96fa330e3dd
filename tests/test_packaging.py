"""What a stranger installs: versions, lock, wheel, entry point, and a command line that answers at once."""

import ast
import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import pipelines
from usecases.__main__ import built_in

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = [Requirement(line) for line in PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]]
HEAVY = {
    "altair",
    "holidays",
    "jinja2",
    "lightgbm",
    "mlflow",
    "numpy",
    "optuna",
    "pandas",
    "polars",
    "pyarrow",
    "scipy",
    "sklearn",
    "skops",
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "tomli_w": "tomli-w"}
BUILD = "import sys; from hatchling.build import {target}; print({target}(sys.argv[1]))"
HELP = """
import json, sys, time
from usecases.__main__ import main
try:
    code = main({arguments})
except SystemExit as exit:
    code = exit.code
print(json.dumps([code or 0, time.process_time(), sorted({{name.partition(".")[0] for name in sys.modules}})]), file=sys.stderr)
"""


def lock_entries() -> list[str]:
    """The lock's requirements, each with its hashes, comments left out."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [" ".join(line.split()) for line in lines]


def test_one_version_everywhere() -> None:
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert {pipelines.__version__, version("musterwerk"), PROJECT["project"]["version"]} == {cited[1]}


def test_console_script_and_module_are_the_same_function() -> None:
    (script,) = entry_points(group="console_scripts", name="musterwerk")
    assert script.value == "usecases.__main__:main"


def test_every_locked_requirement_is_pinned_and_hashed() -> None:
    entries = lock_entries()
    assert len(entries) > len(DIRECT)
    wrong = [entry for entry in entries if not re.match(r"[a-z0-9-]+==\S+ (; .+? )?(--hash=sha256:[0-9a-f]{64} ?)+$", entry)]
    assert wrong == []


def test_the_lock_names_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|^-[ief] ", text, re.MULTILINE)


def test_the_lock_holds_every_direct_dependency_within_its_bounds() -> None:
    locked: dict[str, list[str]] = {}
    for entry in lock_entries():
        name, pinned = entry.split()[0].split("==")
        locked.setdefault(name, []).append(pinned)
    outside = [str(r) for r in DIRECT if not locked.get(r.name) or not all(r.specifier.contains(pinned) for pinned in locked[r.name])]
    assert outside == []


def imported(folder: str) -> set[str]:
    """Top-level names that the Python files below a folder import."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module.partition(".")[0])
    return found


def test_every_library_that_the_code_imports_is_declared() -> None:
    third_party = (imported("pipelines") | imported("usecases")) - set(sys.stdlib_module_names) - {"pipelines", "usecases"}
    declared = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    assert {DISTRIBUTIONS.get(name, name) for name in third_party} - declared == set()


def test_every_direct_dependency_has_its_line_in_the_docs() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    chosen = page.partition("\n## Considered and left out")[0]
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", chosen, re.MULTILINE)) == {requirement.name for requirement in DIRECT}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel and a source distribution, built offline from a copy of the sources with the locked build backend."""
    source, out = tmp_path_factory.mktemp("source") / "musterwerk", tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "mlruns", "dist", "build"))
    shutil.copytree(ROOT / "mlruns", source / "mlruns", ignore=lambda _, names: set(names) - {"README.md", ".gitignore"})
    made = {}
    for target in ("wheel", "sdist"):
        script = BUILD.format(target=f"build_{target}")
        done = subprocess.run([sys.executable, "-c", script, str(out)], cwd=source, capture_output=True, text=True, check=True)
        made[target] = out / done.stdout.split()[-1]
    return made


def test_the_wheel_carries_all_that_a_run_needs(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = {name for name in wheel.namelist() if not name.startswith("musterwerk-")}
    assert {name.partition("/")[0] for name in names} == {"pipelines", "usecases"}
    for package in ("pipelines", "usecases"):
        sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*") if path.is_file()}
        assert {name for name in sources if "__pycache__" not in name} <= names
    cards = {f"pipelines/_{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "datasets").rglob("*") if path.is_file()}
    assert cards
    assert cards <= names


def test_the_wheel_declares_licence_python_and_script(built: dict[str, Path]) -> None:
    info = f"musterwerk-{pipelines.__version__}.dist-info"
    with zipfile.ZipFile(built["wheel"]) as wheel:
        metadata = wheel.read(f"{info}/METADATA").decode()
        assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert b"musterwerk = usecases.__main__:main" in wheel.read(f"{info}/entry_points.txt")
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata


def test_the_source_distribution_builds_the_same_wheel(built: dict[str, Path], tmp_path: Path) -> None:
    shutil.unpack_archive(built["sdist"], tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    out = tmp_path / "out"
    script = BUILD.format(target="build_wheel")
    subprocess.run([sys.executable, "-c", script, str(out)], cwd=folder, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(built["wheel"]) as ours, zipfile.ZipFile(next(out.glob("*.whl"))) as theirs:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())


def test_built_in_use_cases_are_found_without_importing_them(tmp_path: Path) -> None:
    for name, source in {"good": "CASE = 1 / 0", "renamed": "from usecases.renamed.usecase import CASE", "helpers": "x = 1"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(source, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    assert built_in(tmp_path) == {"good": "usecases.good", "renamed": "usecases.renamed"}


def test_the_repository_has_its_use_cases() -> None:
    assert built_in()["food_waste"] == "usecases.food_waste"


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_the_command_line_answers_at_once(arguments: list[str]) -> None:
    script = HELP.format(arguments=arguments)
    seconds = []
    for _ in range(3):  # the best of three: the first one may compile
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        code, cpu, modules = json.loads(done.stderr.splitlines()[-1])
        assert code == 0, done.stderr
        assert HEAVY & set(modules) == set()
        seconds.append(cpu)
    assert ("food_waste" if arguments == ["list"] else "run") in done.stdout
    assert min(seconds) < 0.4


def test_a_connection_beyond_this_machine_is_refused_and_noticed(network_attempts: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert network_attempts == ["192.0.2.1"]
    network_attempts.clear()


def test_this_machine_itself_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5) as client:
        assert client.getpeername() == server.getsockname()


@pytest.mark.parametrize("package", ["pipelines", "usecases"])
def test_groups_keep_the_order_of_their_rows(package):
    """Without it polars adds a group's numbers up in another order from run to run: the same command twice differs in the last digit."""
    for file in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "group_by":
                assert "maintain_order" in {word.arg for word in node.keywords}, f"{file}:{node.lineno}"
