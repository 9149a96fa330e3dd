"""`musterwerk sweep`: tune the settings by their decisions, on a laptop or on Slurm, with nothing lost."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import CaseArgument, Common, DebugOption, Inputs, grouped, speaks
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pipelines.sweep.slurm import Job
    from pipelines.sweep.verbs import Place

NameArgument = Annotated[str, typer.Argument(help="Name of the sweep.")]
TrialsOption = Annotated[int | None, typer.Option("--trials", min=2, help="Completed trials wished for, in all.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes on this machine.")]


@dataclass(frozen=True)
class Slurm:
    """Options of a job; what is not stated the preset says."""

    slurm: Annotated[bool, typer.Option("--slurm", help="Hand the work to Slurm instead of running it here.")] = False
    nodes: Annotated[int | None, typer.Option("--nodes", min=1, help="Slurm: nodes.")] = None
    tasks_per_node: Annotated[int | None, typer.Option("--tasks-per-node", min=1, help="Slurm: workers on each node.")] = None
    time: Annotated[str, typer.Option("--time", help="Slurm: time limit, 30:00 or 2:00:00.")] = ""
    partition: Annotated[str, typer.Option("--partition", help="Slurm: partition.")] = ""
    account: Annotated[str, typer.Option("--account", help="Slurm: account that pays.")] = ""
    constraint: Annotated[str, typer.Option("--constraint", help="Slurm: features the nodes must have.")] = ""
    setup: Annotated[
        Path | None, typer.Option("--setup", exists=True, dir_okay=False, help="Slurm: shell lines for the script: modules.")
    ] = None
    template: Annotated[Path | None, typer.Option("--template", exists=True, dir_okay=False, help="Slurm: your own script template.")] = (
        None
    )
    array: Annotated[bool, typer.Option("--array", help="Slurm: one job per node (an array) instead of one job over all nodes.")] = False
    preset: Annotated[str, typer.Option("--preset", help="Slurm: usual values of a site: generic, jupiter, juwels.")] = "generic"
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Slurm: write the job script, submit nothing.")] = False

    @property
    def job(self) -> "Job | None":
        """What is asked of Slurm; None: the work is done here."""
        from pipelines.sweep.sites import preset

        stated = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"slurm", "preset", "dry_run"}}
        return preset(self.preset, stated) if self.slurm or self.dry_run else None


@dataclass(frozen=True)
class Search:
    """Options that say what is swept and how."""

    name: Annotated[str, typer.Option("--name", help="Name of the sweep; default: use case and time.")] = ""
    trials: TrialsOption = 50
    workers: WorkersOption = None
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of each worker.")] = 1
    seed: Annotated[int, typer.Option("--seed", min=0, help="Base of the random numbers.")] = 1
    objective: Annotated[str, typer.Option("--objective", help="decision: what the plan costs; forecast: its error.")] = "decision"
    units: Annotated[str, typer.Option("--units", help="Ledger columns to minimise: eur, or eur,kg_co2e.")] = ""
    tune: Annotated[list[str] | None, typer.Option("--tune", help="Only this setting, NAME or NAME=LOW:HIGH (repeatable).")] = None
    prune: Annotated[bool, typer.Option("--prune", help="End a trial after a fold when it is worse than most.")] = False
    storage: Annotated[str, typer.Option("--storage", help="Database URL instead of the journal file.")] = ""
    lead: Annotated[float, typer.Option("--lead", min=0, help="Seconds before a time limit by which all is done.")] = 120
    compare: Annotated[bool, typer.Option("--compare/--no-compare", help="At the end, compare on the report period.")] = True


def place(name: str, cases: Mapping[str, str], common: Common) -> "Place":
    """Return where the sweep is and how to speak of it."""
    from pipelines.sweep.verbs import Place

    return Place(common.home, name, cases, common.language)


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command with its verbs."""
    sweep = typer.Typer(
        name="sweep",
        help="Tune settings by what their decisions cost, on this machine or on Slurm.\n\n"
        "Example: musterwerk sweep start food_waste --trials 50 --workers 2",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    speaks(sweep)
    _add_start(sweep, cases)
    _add_resume(sweep, cases)
    _add_looks(sweep, cases)
    _add_upkeep(sweep, cases)
    app.add_typer(sweep)


def _add_start(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command("start", help="Begin a sweep.\n\nExample: musterwerk sweep start food_waste --trials 50 --workers 2")
    @grouped
    def start(case: CaseArgument, search: Search, slurm: Slurm, inputs: Inputs, common: Common) -> None:
        if search.objective not in {"decision", "forecast"}:
            raise InputError("sweep.bad_objective", objective=search.objective)
        from pipelines.sweep.worker import limit_threads

        limit_threads(search.threads)
        from pipelines.sweep import verbs
        from pipelines.sweep.begin import Wish

        wish = Wish(
            request=inputs.request(case, cases, common),
            name=search.name,
            trials=search.trials or 50,
            workers=search.workers or 1,
            threads=search.threads,
            seed=search.seed,
            forecast=search.objective == "forecast",
            units=tuple(unit.strip() for unit in search.units.split(",") if unit.strip()),
            parameters=tuple(search.tune or ()),
            prune=search.prune,
            storage=search.storage,
            lead_seconds=search.lead,
        )
        common.say(verbs.start(wish, slurm.job, slurm.dry_run, search.compare))


def _add_resume(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command(
        "resume", help="Go on after an interruption, or with more trials.\n\nExample: musterwerk sweep resume my-sweep --trials 100"
    )
    @grouped
    def resume(name: NameArgument, slurm: Slurm, common: Common, trials: TrialsOption = None, workers: WorkersOption = None) -> None:
        from pipelines.sweep import verbs

        common.say(verbs.resume(place(name, cases, common), trials, workers, slurm.job, slurm.dry_run))


def _add_looks(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command("status", help="Say how far a sweep is.\n\nExample: musterwerk sweep status my-sweep --follow")
    @grouped
    def status(
        name: NameArgument,
        common: Common,
        follow: Annotated[bool, typer.Option("--follow", help="Keep looking until the end.")] = False,
    ) -> None:
        from pipelines.sweep import verbs

        where = place(name, cases, common)
        common.say(verbs.follow(where) if follow else verbs.show_status(where))

    @app.command("best", help="Best settings, report, and whether tuning helped.\n\nExample: musterwerk sweep best my-sweep --lang de")
    @grouped
    def best(
        name: NameArgument,
        common: Common,
        trial: Annotated[
            int | None, typer.Option("--trial", min=0, help="Another trial than the best, such as one of the Pareto set.")
        ] = None,
        compare: Annotated[
            bool, typer.Option("--compare/--no-compare", help="Compare with the untuned settings on the report period.")
        ] = True,
    ) -> None:
        from pipelines.sweep import verbs

        common.say(verbs.best(place(name, cases, common), trial, compare))


def _add_upkeep(app: typer.Typer, cases: Mapping[str, str]) -> None:
    @app.command("stop", help="Let the workers finish their trials and stop.\n\nExample: musterwerk sweep stop my-sweep")
    @grouped
    def stop(
        name: NameArgument,
        common: Common,
        now: Annotated[bool, typer.Option("--now", help="Hand the trials back at once instead of finishing them.")] = False,
    ) -> None:
        from pipelines.sweep import verbs

        common.say(verbs.stop(place(name, cases, common), now))

    @app.command("sync", help="Record a sweep in MLflow; safe to repeat.\n\nExample: musterwerk sweep sync my-sweep")
    @grouped
    def sync(name: NameArgument, common: Common) -> None:
        from pipelines.sweep import verbs

        common.say(verbs.sync(place(name, cases, common)))

    @app.command("repair", help="Mend a journal that cannot be read.\n\nExample: musterwerk sweep repair my-sweep")
    @grouped
    def repair(name: NameArgument, common: Common) -> None:
        from pipelines.sweep import verbs

        common.say(verbs.repair(place(name, cases, common)))

    @app.command("worker", hidden=True, help="Work on a sweep; started by start, resume and the job script.")
    def worker(folder: Annotated[Path, typer.Argument(help="Folder of the sweep.")], debug: DebugOption = False) -> None:
        from pipelines.sweep import verbs

        verbs.worker(folder, cases)
