"""`musterwerk sweep`: tune the settings by their decisions, on a laptop or on Slurm, with nothing lost."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import (
    HOME,
    CaseArgument,
    ChangeOption,
    DataOption,
    DebugOption,
    HomeOption,
    JsonOption,
    LangOption,
    SettingsOption,
    checked,
)
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pipelines.work import Outcome

NameArgument = Annotated[str, typer.Argument(help="Name of the sweep.")]
TrialsOption = Annotated[int | None, typer.Option("--trials", min=2, help="Completed trials wished for, in all.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes on this machine.")]
SlurmOption = Annotated[bool, typer.Option("--slurm", help="Hand the work to Slurm instead of running it here.")]
NodesOption = Annotated[int | None, typer.Option("--nodes", min=1, help="Slurm: nodes.")]
TasksOption = Annotated[int | None, typer.Option("--tasks-per-node", min=1, help="Slurm: workers on each node.")]
TimeOption = Annotated[str, typer.Option("--time", help="Slurm: time limit, 30:00 or 2:00:00.")]
PartitionOption = Annotated[str, typer.Option("--partition", help="Slurm: partition.")]
AccountOption = Annotated[str, typer.Option("--account", help="Slurm: account that pays.")]
ConstraintOption = Annotated[str, typer.Option("--constraint", help="Slurm: features the nodes must have.")]
SetupOption = Annotated[
    Path | None, typer.Option("--setup", exists=True, dir_okay=False, help="Slurm: shell lines for the script: modules.")
]
TemplateOption = Annotated[Path | None, typer.Option("--template", exists=True, dir_okay=False, help="Slurm: your own script template.")]
ArrayOption = Annotated[bool, typer.Option("--array", help="Slurm: one job per node (an array) instead of one job over all nodes.")]
PresetOption = Annotated[str, typer.Option("--preset", help="Slurm: usual values of a site: generic, jupiter, juwels.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Slurm: write the job script, submit nothing.")]


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command with its verbs."""
    sweep = typer.Typer(
        name="sweep",
        help="Tune settings by what their decisions cost, on this machine or on Slurm.\n\n"
        "Example: musterwerk sweep start food_waste --trials 50 --workers 2",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    _add_start(sweep, cases)
    _add_resume(sweep, cases)
    _add_looks(sweep, cases)
    _add_upkeep(sweep, cases)
    app.add_typer(sweep)


def _say(outcome: "Outcome", as_json: bool) -> None:
    typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)


def _add_start(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command("start", help="Begin a sweep.\n\nExample: musterwerk sweep start food_waste --trials 50 --workers 2")
    def start(  # noqa: PLR0913 - one parameter per option
        case: CaseArgument,
        name: Annotated[str, typer.Option("--name", help="Name of the sweep; default: use case and time.")] = "",
        trials: TrialsOption = 50,
        workers: WorkersOption = None,
        threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of each worker.")] = 1,
        seed: Annotated[int, typer.Option("--seed", min=0, help="Base of the random numbers.")] = 1,
        objective: Annotated[str, typer.Option("--objective", help="decision: what the plan costs; forecast: its error.")] = "decision",
        units: Annotated[str, typer.Option("--units", help="Ledger columns to minimise: eur, or eur,kg_co2e.")] = "",
        tune: Annotated[list[str] | None, typer.Option("--tune", help="Only this setting, NAME or NAME=LOW:HIGH (repeatable).")] = None,
        prune: Annotated[bool, typer.Option("--prune", help="End a trial after a fold when it is worse than most.")] = False,
        storage: Annotated[str, typer.Option("--storage", help="Database URL instead of the journal file.")] = "",
        lead: Annotated[float, typer.Option("--lead", min=0, help="Seconds before a time limit by which all is done.")] = 120,
        compare: Annotated[bool, typer.Option("--compare/--no-compare", help="At the end, compare on the report period.")] = True,
        slurm: SlurmOption = False,
        nodes: NodesOption = None,
        tasks_per_node: TasksOption = None,
        time: TimeOption = "",
        partition: PartitionOption = "",
        account: AccountOption = "",
        constraint: ConstraintOption = "",
        setup: SetupOption = None,
        template: TemplateOption = None,
        array: ArrayOption = False,
        preset: PresetOption = "generic",
        dry_run: DryOption = False,
        data: DataOption = None,
        settings: SettingsOption = None,
        change: ChangeOption = None,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        if objective not in {"decision", "forecast"}:
            raise InputError("sweep.bad_objective", objective=objective)
        from pipelines.sweep.worker import limit_threads

        limit_threads(threads)
        from pipelines.sweep import slurm as queueing
        from pipelines.sweep import verbs
        from pipelines.sweep.begin import Wish
        from pipelines.work import Request

        request = Request(case=case, cases=cases, data=data, settings=settings, changes=tuple(change or ()), home=home, lang=checked(lang))
        stated: dict[str, object] = {
            "nodes": nodes,
            "tasks_per_node": tasks_per_node,
            "time": time,
            "partition": partition,
            "account": account,
        }
        stated |= {"constraint": constraint, "setup": setup, "template": template, "array": array}
        wish = Wish(
            request=request,
            name=name,
            trials=trials or 50,
            workers=workers or 1,
            threads=threads,
            seed=seed,
            forecast=objective == "forecast",
            units=tuple(unit.strip() for unit in units.split(",") if unit.strip()),
            parameters=tuple(tune or ()),
            prune=prune,
            storage=storage,
            lead_seconds=lead,
        )
        _say(verbs.start(wish, queueing.preset(preset, stated) if slurm or dry_run else None, dry_run, compare), as_json)


def _add_resume(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command(
        "resume", help="Go on after an interruption, or with more trials.\n\nExample: musterwerk sweep resume my-sweep --trials 100"
    )
    def resume(  # noqa: PLR0913 - one parameter per option
        name: NameArgument,
        trials: TrialsOption = None,
        workers: WorkersOption = None,
        slurm: SlurmOption = False,
        nodes: NodesOption = None,
        tasks_per_node: TasksOption = None,
        time: TimeOption = "",
        partition: PartitionOption = "",
        account: AccountOption = "",
        constraint: ConstraintOption = "",
        setup: SetupOption = None,
        template: TemplateOption = None,
        array: ArrayOption = False,
        preset: PresetOption = "generic",
        dry_run: DryOption = False,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.sweep import slurm as queueing
        from pipelines.sweep import verbs

        stated: dict[str, object] = {
            "nodes": nodes,
            "tasks_per_node": tasks_per_node,
            "time": time,
            "partition": partition,
            "account": account,
        }
        stated |= {"constraint": constraint, "setup": setup, "template": template, "array": array}
        job = queueing.preset(preset, stated) if slurm or dry_run else None
        _say(verbs.resume(verbs.Place(home, name, cases, checked(lang)), trials, workers, job, dry_run), as_json)


def _add_looks(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command("status", help="Say how far a sweep is.\n\nExample: musterwerk sweep status my-sweep --follow")
    def status(
        name: NameArgument,
        follow: Annotated[bool, typer.Option("--follow", help="Keep looking until the end.")] = False,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.sweep import verbs

        place = verbs.Place(home, name, cases, checked(lang))
        _say(verbs.follow(place) if follow else verbs.show_status(place), as_json)

    @app.command("best", help="Best settings, report, and whether tuning helped.\n\nExample: musterwerk sweep best my-sweep --lang de")
    def best(  # noqa: PLR0913 - one parameter per option
        name: NameArgument,
        trial: Annotated[
            int | None, typer.Option("--trial", min=0, help="Another trial than the best, such as one of the Pareto set.")
        ] = None,
        compare: Annotated[
            bool, typer.Option("--compare/--no-compare", help="Compare with the untuned settings on the report period.")
        ] = True,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.sweep import verbs

        _say(verbs.best(verbs.Place(home, name, cases, checked(lang)), trial, compare), as_json)


def _add_upkeep(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command("stop", help="Let the workers finish their trials and stop.\n\nExample: musterwerk sweep stop my-sweep")
    def stop(
        name: NameArgument,
        now: Annotated[bool, typer.Option("--now", help="Hand the trials back at once instead of finishing them.")] = False,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.sweep import verbs

        _say(verbs.stop(verbs.Place(home, name, cases, checked(lang)), now), as_json)

    @app.command("sync", help="Record a sweep in MLflow; safe to repeat.\n\nExample: musterwerk sweep sync my-sweep")
    def sync(
        name: NameArgument,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.sweep import verbs

        _say(verbs.sync(verbs.Place(home, name, cases, checked(lang))), as_json)

    @app.command("repair", help="Mend a journal that cannot be read.\n\nExample: musterwerk sweep repair my-sweep")
    def repair(
        name: NameArgument,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.sweep import verbs

        _say(verbs.repair(verbs.Place(home, name, cases, checked(lang))), as_json)

    @app.command("worker", hidden=True, help="Work on a sweep; started by start, resume and the job script.")
    def worker(folder: Annotated[Path, typer.Argument(help="Folder of the sweep.")], debug: DebugOption = False) -> None:
        from pipelines.sweep import verbs

        verbs.worker(folder, cases)
