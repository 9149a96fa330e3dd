"""`python -m pipelines.exercises.runner NAME SCRIPT VERDICT`: run a learner's script and judge it, in a process of its own."""

import ast
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from pipelines.exercises.catalogue import EXERCISES, Exercise
from pipelines.exercises.judging import MODULE, Judge, failed
from pipelines.exercises.verdict import Verdict


def judge_script(exercise: Exercise, file: Path) -> Verdict:
    """Execute a script (not its part below `if __name__ == "__main__"`) and judge the functions that fill its gaps."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        line = str(getattr(error, "lineno", None) or "?")
        return Verdict(passed=False, hint="syntax", values={"line": line, "problem": str(getattr(error, "msg", error))})
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in exercise.functions:
        if name in defined and _empty(defined[name]):
            return Verdict(passed=False, function=name, hint="empty")
    names: dict[str, object] = {"__name__": "exercise", "__file__": str(file)}
    try:
        exec(compile(tree, str(file), "exec"), names)  # noqa: S102 - running the learner's own script is the purpose
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a learner's code raises is told to the learner
        return failed(MODULE, error if isinstance(error, Exception) else RuntimeError("sys.exit"))
    missing = next((name for name in exercise.functions if not callable(names.get(name))), None)
    if missing is not None:
        return Verdict(passed=False, function=missing, hint="missing")
    judge: Judge = import_module(f"pipelines.exercises.judges.{exercise.name}").judge
    return judge(names)


def _empty(function: ast.FunctionDef) -> bool:
    """Whether a function is still a gap: nothing but a docstring and three dots, pass or `return None`."""
    for node in function.body:
        if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.Return) and (
            node.value is None or (isinstance(node.value, ast.Constant) and node.value.value in {None, ...})
        ):
            continue
        return False
    return True


def main(words: Sequence[str]) -> None:
    """Judge and write the verdict as JSON; what the script prints goes its own way."""
    name, file, verdict = words
    chosen = next(one for one in EXERCISES if one.name == name)
    sys.path.insert(0, str(Path(file).resolve().parent))
    found = judge_script(chosen, Path(file))
    Path(verdict).write_text(json.dumps(asdict(found)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
