"""The command line: a thin skin over the search, the report, the export and the training."""

import os

import click

from search.cli_data import data
from search.cli_live import COMMANDS
from search.cli_operate import PIPELINE_COMMANDS
from search.command_line import (
    CONTEXT,
    RUNS,
    STORE,
    Group,
    exporting,
    guarded,
    interrupted_at_once,
    measuring,
)
from spaces.errors import SettingsError


@click.group(cls=Group, context_settings=CONTEXT)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="automl")
def main(debug: bool) -> None:
    """Search object detectors for a data set, a device and a budget.

    \b
    automl search conf=retail                        search; the same line again goes on where it stopped
    automl search conf=retail data.root=~/shelves    ... on your own images (docs/formats.md)
    automl report retail                             the page of the front, and a summary here
    automl prove retail                              finalists with other seeds, the baseline, the test split once
    automl export retail --pick gate --to out        the winner: config, weights, ONNX, lineage
    automl train out                                 train it at full length
    """


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("overrides", nargs=-1)
@click.option(
    "--log-format",
    type=click.Choice(["auto", "plain", "json"]),
    default="auto",
    show_default=True,
    help="auto: live in a terminal, else plain lines; json: one event a line (docs/events.md), words on stderr.",
)
@click.option("--plan", is_flag=True, help="Only time a few candidates and say what the search would cost.")
@click.option(
    "--fork",
    metavar="NEW_NAME",
    help="Search under other settings with the trials of the study that still count; they count towards budget.trials.",
)
@guarded
def search(overrides: tuple[str, ...], log_format: str, plan: bool, fork: str | None) -> None:
    """Search detectors; the same line again goes on to the total budget.

    OVERRIDES: conf=NAME or conf=PATH picks a preset; the rest is Hydra's override grammar. A sweep narrows or
    replaces a dimension: 'space.size.pixels=range(160, 321, 32)'. See `automl presets`.
    carry='[old:gate, out]' lets a new study begin with detectors of other studies or exports (docs/carry.md).
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the engine's matrices are small; trainings want the cores
    if plan and (fork is not None or log_format == "json"):
        raise SettingsError("--plan: goes with neither --fork nor --log-format json; give it alone")
    if plan:
        from search.commands.plan import run_plan

        run_plan(list(overrides))
        return
    line = list(overrides)
    if fork is not None:
        from search.commands.fork import forked_line

        line = forked_line(line, fork, log_format)
    with interrupted_at_once():
        from search.commands.workers.cluster import run_line

    run_line(line, log_format)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="STUDY...")
@click.option("--to", "target", default=None, help="The page's file; report.html in the study's folder by default.")
@RUNS
@STORE
@guarded
def report(names: tuple[str, ...], target: str | None, folder: str, store: str | None) -> None:
    """Write the page of a study and print its summary.

    Of two studies or more of the same data and device, one page with their fronts over one another (--to FILE).
    """
    from search.commands.report import run_report, run_report_over

    if len(names) == 1:
        run_report(names[0], folder, store, target)
    else:
        run_report_over(names, folder, store, target)


@main.command()
@exporting
@RUNS
@STORE
@guarded
def export(
    name: str, pick: str, device: str | None, target: str, formats: str | None, folder: str, store: str | None
) -> None:
    """Export a detector: training config, model description, weights, ONNX, data card, lineage."""
    from search.commands.export import run_export

    run_export(name, folder, store, pick, target, formats, device)


@main.command()
@guarded
def formats() -> None:
    """List the formats that a detector ships in, and which of them can be written here."""
    from search.commands.formats.known import run_formats

    run_formats()


@main.command()
@click.argument("directory")
@click.argument("overrides", nargs=-1)
@click.option("--fresh", is_flag=True, help="Start anew where the line would go on from the detector's own weights.")
@guarded
def train(directory: str, overrides: tuple[str, ...], fresh: bool) -> None:
    """Train an exported detector at full length; resumes if it was cut, and after a crash.

    What was exported of an elastic training (the detector itself, or a child of its) goes on from its own weights, as
    one detector; any other starts anew.

    OVERRIDES: epochs=N, data.root=PATH, train_device=0, seed=N, pretrained.folder=DIR; limits: memory_mb=N,
    silence_s=N, timeout_s=N, processes_max=N.
    """
    from search.commands.train import run_train

    run_train(directory, list(overrides), fresh=fresh)


@main.command()
@click.argument("name")
@click.argument("overrides", nargs=-1)
@click.option("--anew", is_flag=True, help="Begin another proof where one is under way, unless it would be the same.")
@click.option("--test-again", is_flag=True, help="Score the test split once more; the page says so.")
@RUNS
@STORE
@guarded
def prove(name: str, overrides: tuple[str, ...], anew: bool, test_again: bool, folder: str, store: str | None) -> None:
    """Prove the winner: train the finalists again with other seeds, the baseline with them, and score the test split.

    The study's own settings hold; the same line again goes on where it was cut. Means with intervals, how optimistic
    the search was, and the winner go to the page, the summary and exports. See docs/proof.md.

    OVERRIDES: proof.seeds=3, proof.finalists=3, proof.epochs=N or trial (as long as in the search), proof.level=0.95;
    workers=N, data.root=PATH, pretrained.folder=DIR, trial.train_device=0 and limits as trial.memory_mb=N; format=json.

    Exit code: 0 the winner beats the baseline, or there is none to beat; 1 it does not, or no finalist keeps the gate;
    3 cannot tell; 2 is a mistake in the line.
    """
    from search.commands.prove import run_prove

    run_prove(name, list(overrides), folder, store, anew=anew, test_again=test_again)


@main.command()
@RUNS
@STORE
@guarded
def studies(folder: str, store: str | None) -> None:
    """List the studies of a folder, or of a storage."""
    from search.commands.studies import run_studies

    run_studies(folder, store)


@main.command()
@click.argument("name")
@click.option("--end", multiple=True, metavar="N|HOST:PID", help="Ask so many, idle ones first, or this one to end.")
@click.option("--all", "end_all", is_flag=True, help="Ask all to end.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@RUNS
@STORE
@guarded
def workers(name: str, end: tuple[str, ...], end_all: bool, form: str, folder: str, store: str | None) -> None:
    """List the processes that search a study, on all machines, and ask some to end.

    A worker that is asked ends as by Ctrl-C: its trials stay at their last checkpoint, and others take them up. To add
    workers, give the study's line again. See docs/machines.md.
    """
    from search.commands.workers.listed import run_workers_list

    run_workers_list(name, folder, store, end, end_all=end_all, form=form)


@main.command()
@click.argument("name")
@click.argument("trial", type=int, required=False)
@RUNS
@STORE
@guarded
def show(name: str, trial: int | None, folder: str, store: str | None) -> None:
    """Show a study: its front drawn, its best trial, what to type next; or a TRIAL: its choices, rungs, end and why."""
    from search.commands.show import run_show

    run_show(name, trial, folder, store)


for command in (data, *COMMANDS, *PIPELINE_COMMANDS):
    main.add_command(command)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("overrides", nargs=-1)
@click.option("--fetch", is_flag=True, help="Fetch what is missing into the cache; exit code 1 if that fails.")
@guarded
def weights(overrides: tuple[str, ...], fetch: bool) -> None:
    """List the published weights that a search would start from: file, size, where it is, its SHA-256.

    Files are looked for in pretrained.folder=DIR by their published names, then in the cache (~/.cache/automl/weights).

    OVERRIDES: those of the search; space/train=pretrained asks for published weights.
    """
    from search.commands.weights import run_weights

    run_weights(list(overrides), fetch=fetch)


@main.command()
@measuring
@guarded
def latency(words: tuple[str, ...], again: bool, form: str, clean: bool) -> None:
    """Measure exported files on a device or a board: `automl latency out/model.onnx device=openvino`.

    Kept figures answer, and the line says since when; without a file the device is described. See docs/latency.md.
    """
    from search.commands.latency import run_latency

    run_latency(words, again=again, as_json=form == "json", clean=clean)


@main.command()
@click.argument("name")
@click.argument("overrides", nargs=-1)
@RUNS
@STORE
@guarded
def measure(name: str, overrides: tuple[str, ...], folder: str, store: str | None) -> None:
    """Measure latencies for a study, on the machine that has its device, for machines that train and have it not.

    Ends by Ctrl-C, or once those who search have left and the budget that the study was made with is used. Searching
    processes on such a machine do the same beside their own trials. See docs/measuring.md.

    OVERRIDES: device=NAME (one of several devices of the study), device.host=NAME and device.python=PATH of a board as
    it is reached from here; store.url=URL and store.folder=DIR as of a search.
    """
    from search.commands.measuring.measure import run_measure

    run_measure(name, list(overrides), folder, store)


@main.command()
@click.argument("champion")
@click.argument("challenger")
@click.argument("overrides", nargs=-1)
@click.option("--pick", default="gate", show_default=True, help="Of a study: gate, knee, fastest, best, or a number.")
@RUNS
@STORE
@guarded
def compare(
    champion: str, challenger: str, overrides: tuple[str, ...], pick: str, folder: str, store: str | None
) -> None:
    """Compare two detectors on one frozen set and this machine: promote the challenger, or keep the champion?

    CHAMPION, CHALLENGER: an export folder, an ONNX file of automl or of `yolo export`, or a study's name (its pick).

    OVERRIDES: split=val or split=test; margin=0.01 (mAP that the challenger must have more), slower_max=0.1 (share by
    which its p50 may be longer; null: any); critical.CLASS.recall_min=0.94 and critical.CLASS.drop_max=0.02 (recall of
    a class, and how much less of it there may be than the champion has); gate=true (the gate of conf= and gate.NAME=
    must be kept, too); level=0.95, resamples=1000, seed=0 of the intervals; frozen=FINGERPRINT
    refuses another set; format=json; page=FILE. The rest as of a search: data.root=PATH, device=openvino. Without any
    of data and conf, the data set is the one that the champion was made for, else the challenger.

    Exit code: 0 promote, 1 keep, 3 cannot tell; 2 is a mistake in the line.
    """
    from search.commands.compare import run_compare

    run_compare(champion, challenger, list(overrides), folder, store, pick)


@main.command()
@click.argument("directory")
@click.option("--name", "model", default=None, help="Of the registered model; the study's by default.")
@click.option("--tracking-uri", "uri", default=None, help="MLFLOW_TRACKING_URI, else mlflow.db in this folder.")
@click.option("--experiment", default=None, help="MLFLOW_EXPERIMENT_NAME, else automl.")
@click.option("--alias", default=None, help="That names the version from now on: champion.")
@click.option("--again", is_flag=True, help="Make a version though one has the same file.")
@guarded
def register(
    directory: str, model: str | None, uri: str | None, experiment: str | None, alias: str | None, again: bool
) -> None:
    """Register an exported detector in MLflow: a run with its figures and lineage, and a version of a model.

    DIRECTORY: an export folder, or its folder `trained`. The same file again is the same version. Needs
    `pip install 'automl[mlflow]'`. See docs/register.md.
    """
    from search.commands.register import run_register

    run_register(directory, model, uri, experiment, alias, again)


@main.command()
@guarded
def presets() -> None:
    """List the presets and the options of every config group."""
    from search.commands.presets import run_presets

    run_presets()
