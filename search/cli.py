"""The command line: a thin skin over the search, the report, the export and the training."""

import os

import click

from search.command_line import CONTEXT, RUNS, STORE, Group, guarded, interrupted_at_once
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
        from search.commands.search import run_search

    run_search(line, log_format)


@main.command()
@click.argument("name")
@click.option("--to", "target", default=None, help="The page's file; report.html in the study's folder by default.")
@RUNS
@STORE
@guarded
def report(name: str, target: str | None, folder: str, store: str | None) -> None:
    """Write the page of a study and print its summary."""
    from search.commands.report import run_report

    run_report(name, folder, store, target)


@main.command()
@click.argument("name")
@click.option("--pick", default="gate", show_default=True, help="gate, knee, fastest, best, or a trial's number.")
@click.option("--device", default=None, help="Of a study of several: whose latencies, front and gate; the first's.")
@click.option("--to", "target", required=True, help="The folder to write; must not exist or be empty.")
@RUNS
@STORE
@guarded
def export(name: str, pick: str, target: str, folder: str, store: str | None, device: str | None) -> None:
    """Export a detector: training config, model description, weights, ONNX, data card, lineage."""
    from search.commands.export import run_export

    run_export(name, folder, store, pick, target, device)


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
@guarded
def studies(folder: str) -> None:
    """List the studies of a folder."""
    from search.commands.studies import run_studies

    run_studies(folder)


@main.command()
@click.argument("name")
@click.argument("trial", type=int)
@RUNS
@STORE
@guarded
def show(name: str, trial: int, folder: str, store: str | None) -> None:
    """Show a trial: its choices, its rungs, how it ended and why."""
    from search.commands.show import run_show

    run_show(name, trial, folder, store)


class DataGroup(Group):
    """`automl data check ...` and `errors ...`, and `automl data ...`, the card, for a line that names no command."""

    CARD = "card"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the card's name before a line of overrides alone."""
        is_line = not args or "=" in args[0] or args[0].startswith(("+", "~"))
        return super().parse_args(ctx, [self.CARD, *args] if is_line else args)


@main.group(cls=DataGroup)
def data() -> None:
    """Read the data set of a search and say what is in it, what is wrong with it, or what a detector gets wrong on it.

    \b
    automl data conf=retail data.root=~/shelves         the card: classes, images and boxes by split
    automl data check conf=retail data.root=~/shelves   what would spoil the scores
    automl data errors retail --pick best               a detector's errors, and the labels that it doubts
    """


@data.command(hidden=True)
@click.argument("overrides", nargs=-1)
@guarded
def card(overrides: tuple[str, ...]) -> None:
    """Say what is in the data set (what `automl data` does)."""
    from search.commands.data_set.card import run_data

    run_data(list(overrides))


@data.command()
@click.argument("overrides", nargs=-1)
@guarded
def check(overrides: tuple[str, ...]) -> None:
    """Look for what is wrong with the data set; exit code 1 if its scores would be wrong.

    OVERRIDES: those of the search; format=yaml or format=json instead of lines for people; page=FILE writes an HTML
    page with pictures of what was found. The codes of findings: docs/data.md.
    """
    from search.commands.data_set.check import run_check

    run_check(list(overrides))


@data.command()
@click.argument("where")
@click.argument("words", nargs=-1, metavar="[TRIAL] [OVERRIDES]...")
@click.option("--pick", default=None, help="gate (the default), knee, fastest, best, or a trial's number; of a study.")
@click.option("--to", "target", default=None, help="The folder to write; by default beside the detector.")
@click.option("--unlabelled", metavar="FOLDER", default=None, help="Rank its images: which to label next.")
@RUNS
@STORE
@guarded
def errors(
    where: str,
    words: tuple[str, ...],
    pick: str | None,
    target: str | None,
    unlabelled: str | None,
    folder: str,
    store: str | None,
) -> None:
    """Show what a trained detector gets wrong on a split, and the labels that it doubts.

    WHERE: a study, or an export folder (or its folder `trained`). OVERRIDES: split=val, data.root=PATH,
    data.format=NAME, device=cpu, confidence=0.25. Writes a page with pictures, and COCO JSON of the doubtful labels and
    of all detections. See docs/errors.md.
    """
    from search.commands.data_set.errors import run_errors

    run_errors(where, words, pick=pick, folder=folder, store=store, target=target, unlabelled=unlabelled)


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
@click.argument("artifact")
@click.argument("overrides", nargs=-1)
@guarded
def latency(artifact: str, overrides: tuple[str, ...]) -> None:
    """Measure an exported ONNX file on a device: `automl latency out/model.onnx device=openvino`."""
    from search.commands.latency import run_latency

    run_latency(artifact, list(overrides))


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
    which its p50 may be longer; null: any); level=0.95, resamples=1000, seed=0 of the intervals; frozen=FINGERPRINT
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
