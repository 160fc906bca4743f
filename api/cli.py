"""The command line. Every command parses its arguments, calls the pipeline, and reports."""

import logging
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from api import cli_export, cli_scores, cli_tokens, cli_worker, report
from api.choices import Decision, Tracker
from api.cli_options import AsJson
from api.console import Reporter
from ingest.errors import CellkinError

# Imports of the heavy parts stand inside the commands, so that `cellkin --help` answers at once.

app = typer.Typer(
    name="cellkin",
    help="A lineage database for live-cell imaging: movies in, lineages in Neo4j, GraphQL and Parquet out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
neo4j = typer.Typer(help="The managed Neo4j server of the data folder.", no_args_is_help=True)
plot = typer.Typer(help="Pictures.", no_args_is_help=True)
app.add_typer(neo4j, name="neo4j")
app.add_typer(plot, name="plot")
app.add_typer(cli_tokens.app, name="token")
plot.command("scores")(cli_scores.plot_scores)
plot.command("errors")(cli_scores.plot_errors)


class Kind(StrEnum):
    """Where a tracking comes from."""

    GROUND_TRUTH = "ground-truth"
    CURATED = "curated"
    PREDICTED = "predicted"


Axes = Annotated[
    str | None, typer.Option(help="Axes of a TIFF stack, such as TYX or TCYX, where it does not say.")
]
PixelSize = Annotated[
    float | None,
    typer.Option(help="Pixel size in µm, kept with the movie; by default the file's own.", min=0),
]
FrameInterval = Annotated[
    float | None,
    typer.Option(
        "--minutes-per-frame", help="Minutes a frame, kept with the movie; by default the file's own.", min=0
    ),
]
MoviePath = Annotated[
    Path, typer.Argument(help="A TIFF or OME-TIFF stack, or a folder of TIFF or PNG frames.")
]
Device = Annotated[str, typer.Option(help="That the network runs on: auto, cpu, cuda.")]
Channel = Annotated[
    str | None,
    typer.Option(help="The channel that shows the cells: its name, or its number, from 0; else the first."),
]
LabelsPath = Annotated[
    Path | None,
    typer.Option(
        "--labels", help="Label images, one a frame, in a folder or a stack, instead of segmenting."
    ),
]

Diameter = Annotated[
    float | None,
    typer.Option(
        help="Cell diameter for the segmentation, µm (pixels without a pixel size); else measured.", min=0
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Segment even what does not look like bright cells; take labels as they are."
    ),
]


def main() -> NoReturn:
    """Run the command line; an error that the user can mend ends it with one message and the error's code."""
    signal.signal(signal.SIGTERM, _terminate)
    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # our own errors say what it would log
    try:
        app()
    except CellkinError as error:
        Reporter(as_json="--json" in sys.argv).fail(error)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)


def _terminate(signum: int, _frame: object) -> NoReturn:
    """End as on Ctrl-C, so that what was started is stopped."""
    raise SystemExit(128 + signum)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the API afterwards, until Ctrl-C.")] = True,
    seed: Annotated[int, typer.Option(help="Of the simulation.", min=0)] = 1,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a movie, track it into Neo4j, score it against its ground truth, and serve it."""
    from api.demo import run_demo
    from api.serve import require_free_address, serve_store
    from api.settings import Settings
    from api.stored import open_store

    reporter, settings = Reporter(as_json=as_json), Settings.with_address(host, port)
    if serve:
        require_free_address(settings)
    with reporter.bars() as bars, open_store(settings, bars) as opened:
        result = run_demo(opened.store, settings.data_folder / "demo", seed=seed, progress=bars)
        bars.stop()
        reporter.show(report.demo(result, settings, opened.address, served=serve))
        if serve:
            serve_store(settings, opened.store)


@app.command()
def track(
    movie: MoviePath,
    labels: LabelsPath = None,
    tracker: Annotated[
        Tracker,
        typer.Option(help="By a trained network, by plain linear assignment, or by the Viterbi algorithm."),
    ] = Tracker.LEARNED,
    decision: Annotated[
        Decision,
        typer.Option(help="How the learned tracker decides: all together, or sure links before divisions."),
    ] = Decision.JOINT,
    device: Device = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own, from `cellkin train`.", exists=True)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Also write a Cell Tracking Challenge result folder here.")
    ] = None,
    store: Annotated[bool, typer.Option(help="Write to the database; --no-store needs none.")] = True,
    name: Annotated[str | None, typer.Option(help="Name of the movie; by default that of its file.")] = None,
    diameter: Diameter = None,
    force: Force = False,
    channel: Channel = None,
    axes: Axes = None,
    pixel_size: PixelSize = None,
    minutes_per_frame: FrameInterval = None,
    as_json: AsJson = False,
) -> None:
    """Track a movie: segment it unless label images are given, link its cells, store the lineages."""
    from api.pipeline import track_movie
    from api.settings import Settings
    from api.trackers import TrackerChoice
    from ingest.formats.ctc import check_result_folder, write_result
    from ingest.movie import open_labels, open_movie
    from ingest.segment import SegmentationSettings

    if labels and diameter is not None:
        raise typer.BadParameter("--diameter is of the segmentation: leave out it or --labels")
    reporter = Reporter(as_json=as_json)
    if output:
        check_result_folder(output)
    settings = SegmentationSettings(diameter=diameter, force=force)
    opened_movie = open_movie(
        movie, axes=axes, pixel_size=pixel_size, minutes_per_frame=minutes_per_frame, name=name
    ).with_cells_in(channel)
    given = open_labels(labels) if labels else None
    choice = TrackerChoice(tracker.value, decision.value, device, weights)
    with reporter.bars() as bars, ExitStack() as until_stored:
        opened = None
        if store:  # a database that cannot be reached is told before minutes of tracking
            from api.stored import open_store, store_tracked

            opened = until_stored.enter_context(open_store(Settings(), bars)).store
            if diameter is not None:  # in µm, where it is known how long one is
                opened_movie = opened.calibrated(opened_movie)
        tracked = track_movie(opened_movie, given, tracker=choice, segmentation=settings, progress=bars)
        if output:
            write_result(tracked.graph, tracked.labels, output, progress=bars)
        record = store_tracked(opened, tracked, bars) if opened else None
    reporter.show(report.tracked(tracked, record, output))


@app.command()
def train(
    movies: Annotated[
        list[str] | None,
        typer.Argument(
            help="A folder of frames with its ground truth beside it (01, 01_GT, and 01_ST for full masks), "
            "FRAMES=TRACKING, a movie and its tracking as a Cell Tracking Challenge folder, "
            "or a .trk or .trks file of DeepCell."
        ),
    ] = None,
    stored: Annotated[
        list[str] | None,
        typer.Option(
            "--stored", help="Id of a ground-truth or curated tracking in the database; or ID=FRAMES."
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the weights, their card and pictures.")] = Path(
        "trained"
    ),
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Weights to begin with, in few and small steps.", exists=True),
    ] = None,
    finetune: Annotated[
        bool, typer.Option("--finetune", help="Begin with the shipped weights, in few and small steps.")
    ] = False,
    segmented: Annotated[
        bool,
        typer.Option(
            "--segmented",
            help="Learn how segmentations err: from the cells that the built-in one finds, and from the true "
            "ones with flaws at random.",
        ),
    ] = False,
    diameter: Diameter = None,
    force: Force = False,
    channel: Channel = None,
    axes: Axes = None,
    held_out: Annotated[
        float, typer.Option(help="Last share of each movie kept for validation.", min=0, max=0.9)
    ] = 0.3,
    simulated_movies: Annotated[
        int | None,
        typer.Option(
            "--simulated",
            help="Simulated movies to learn from besides, for variety; by default 3 where weights are "
            "given to begin with, which forget less by them, else none.",
            min=0,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps at most; from nothing, a quarter as many follow with the truth as it is.", min=1
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="The highest, of the first round; by default 0.0003 where weights are given to begin with, "
            "else 0.0015.",
            min=1e-6,
            max=1,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.", min=0)] = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train the tracker's network on movies whose lineages are known; goes on where it was stopped."""
    from api.cli_output import check_folder
    from api.settings import Settings
    from api.training import STATE, run_training
    from api.training_movies import collect, simulated
    from ingest.segment import SegmentationSettings
    from tracker.checkpoint import SEGMENTED, SHIPPED
    from tracker.train import FINETUNING, REHEARSED, TrainingConfig, from_nothing

    if not segmented and (force or diameter is not None):
        raise typer.BadParameter("--diameter and --force are of the segmentation: give --segmented as well")
    if start is not None and finetune:
        raise typer.BadParameter("--finetune begins with the shipped weights, --from with yours: give one")
    check_folder(output)
    reporter = Reporter(as_json=as_json)
    segmentation = SegmentationSettings(diameter=diameter, force=force) if segmented else None
    shipped = SEGMENTED if segmented else SHIPPED
    begin = shipped if finetune else start
    plan = (
        replace(FINETUNING, steps=steps or FINETUNING.steps, seed=seed, held_out=held_out)
        if begin
        else from_nothing(steps or TrainingConfig.steps, seed=seed, held_out=held_out)
    )
    if learning_rate is not None:
        plan = replace(plan, learning_rate=learning_rate)
    if simulated_movies is None:
        simulated_movies = REHEARSED if begin else 0
    with reporter.bars() as bars:
        notes: list[str] = []
        given = collect(
            movies or [], stored or [], Settings(), bars, notes.append, channel=channel, axes=axes
        )
        given += simulated(simulated_movies, seed, bars)
        try:
            run = run_training(
                given,
                plan,
                output,
                start=begin,
                device=device,
                segmentation=segmentation,
                progress=bars,
                note=notes.append,
            )
        except (KeyboardInterrupt, SystemExit):
            if (output / STATE).exists():
                bars.stop()
                reporter.note(f"stopped: the same command goes on from the last state in {output}")
            raise
    for text in notes:
        reporter.note(text)
    reporter.show(report.trained(run))


@app.command()
def ingest(
    movie: Annotated[
        Path,
        typer.Argument(
            help="A TIFF or OME-TIFF stack, or a folder of TIFF or PNG frames; or a .trk or .trks file of "
            "DeepCell, which holds the tracking too."
        ),
    ],
    tracking: Annotated[
        Path | None,
        typer.Argument(help="A Cell Tracking Challenge folder: a ground truth (01_GT) or a result (01_RES)."),
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Where the tracking comes from.")] = Kind.GROUND_TRUTH,
    author: Annotated[str, typer.Option(help="Who made it: a person, a tracker.")] = "unknown",
    curated_from: Annotated[
        str | None, typer.Option(help="Id of the tracking that a curated one corrects.", metavar="TRACKING")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the movie; by default that of its file.")] = None,
    axes: Axes = None,
    pixel_size: PixelSize = None,
    minutes_per_frame: FrameInterval = None,
    as_json: AsJson = False,
) -> None:
    """Store a tracking that exists already, such as a ground truth, with its movie."""
    from api.given import given_trackings
    from api.settings import Settings
    from api.stored import open_store, parameters_of_given, provenance_of_folder, store_tracking
    from graph.records import TrackingKind
    from ingest.progress import each

    if curated_from and kind is not Kind.CURATED:
        raise typer.BadParameter(
            "--curated-from is of a curated tracking: say --kind curated, or leave it out"
        )
    reporter, notes = Reporter(as_json=as_json), list[str]()
    with reporter.bars() as bars:
        given = given_trackings(
            movie,
            tracking,
            name=name,
            axes=axes,
            pixel_size=pixel_size,
            minutes_per_frame=minutes_per_frame,
            progress=bars,
            note=notes.append,
        )
        with open_store(Settings(), bars) as opened:
            parameters = [
                parameters_of_given(opened.store, one.movie, one.source, curated_from) for one in given
            ]
            records = [
                store_tracking(
                    opened.store,
                    one.movie,
                    one.graph,
                    one.labels,
                    kind=TrackingKind[kind.name],
                    author=author,
                    parameters=its_own,
                    provenance=provenance_of_folder(one.labels),
                    progress=steps,
                )
                for (one, steps), its_own in zip(each(given, "Storing movies", bars), parameters, strict=True)
            ]
    reporter.show(report.stored(records, notes))


app.command()(cli_scores.score)


app.command()(cli_export.export)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve GraphQL, GraphiQL and tables until Ctrl-C; to other machines only with a token."""
    from api.serve import require_free_address, serve_store
    from api.settings import Settings
    from api.stored import open_store

    reporter, settings = Reporter(as_json=False), Settings.with_address(host, port)
    require_free_address(settings)
    with reporter.bars() as bars, open_store(settings, bars) as opened:
        bars.stop()
        reporter.show(report.addresses(settings, opened.address, tokens=opened.store.tokens.any()))
        serve_store(settings, opened.store)


app.command()(cli_worker.worker)


@app.command()
def doctor(
    sweep: Annotated[bool, typer.Option("--sweep", help="First remove what dead writers left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the program, the server and what is stored; say the remedy for what is wrong."""
    from api.doctor import examine
    from api.settings import Settings

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars:
        found = examine(Settings(), sweep=sweep, progress=bars)
    reporter.show(report.findings(found))
    raise SystemExit(0 if all(finding.ok for finding in found) else 1)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder for the backup.")],
    export: Annotated[
        bool,
        typer.Option("--export", help="Files that any Neo4j can take, without stopping the managed one."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back up movies, trackings and scores: the managed server is stopped and dumped, another exported."""
    from api.keeping import back_up
    from api.settings import Settings

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars:
        manifest = back_up(Settings(), folder, export=export, progress=bars)
    reporter.show(report.kept("backed up", folder, manifest))


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `cellkin backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a dump or an import replace what the database holds.")
    ] = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Import an export into the stopped managed server: three fifths of the work."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup, and hold what is there then against what it says; scores of an export come anew."""
    from api.keeping import restore_backup
    from api.settings import Settings

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars:
        manifest = restore_backup(Settings(), folder, replace=replace, offline=offline, progress=bars)
    reporter.show(report.kept("restored", folder, manifest))


@neo4j.command("start")
def neo4j_start(as_json: AsJson = False) -> None:
    """Start the managed server and let it run until `cellkin neo4j stop`."""
    from api.settings import Settings
    from api.stored import managed_server
    from graph.server_use import keep_running

    reporter, server = Reporter(as_json=as_json), managed_server(Settings())
    with reporter.bars() as bars:
        server.start(progress=bars)
    keep_running(server)
    reporter.show(report.server(server))


@neo4j.command("stop")
def neo4j_stop(as_json: AsJson = False) -> None:
    """Stop the managed server, whoever uses it."""
    from api.settings import Settings
    from api.stored import managed_server

    server = managed_server(Settings())
    server.stop()
    Reporter(as_json=as_json).show(report.server(server))


@neo4j.command("status")
def neo4j_status(as_json: AsJson = False) -> None:
    """Tell whether the managed server runs, and its addresses and login; exit code 0 when it runs, else 1."""
    from api.settings import Settings
    from api.stored import managed_server

    server = managed_server(Settings())
    Reporter(as_json=as_json).show(report.server(server))
    raise SystemExit(0 if server.status().running else 1)


@neo4j.command("explore")
def neo4j_explore(
    tracking: Annotated[str, typer.Argument(help="Id of a stored tracking.")], as_json: AsJson = False
) -> None:
    """Print links that open Neo4j Browser at a tracking's lineages, and let the managed server run."""
    from api.exploring import explore
    from api.settings import Settings

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars:
        found = explore(Settings(), tracking, bars)
    reporter.show(report.exploration(found))


@plot.command("lineages")
def plot_lineages(
    tracking: Annotated[str, typer.Argument(help="Id of a stored tracking, or a CTC folder.")],
    output: Annotated[Path, typer.Argument(help="The picture: .png, .svg or .pdf.")],
    founder: Annotated[
        list[int] | None,
        typer.Option(help="Label of a founder track; may be repeated. The largest lineages if none."),
    ] = None,
) -> None:
    """Draw lineage trees, time from left to right."""
    from api.export import draw_lineages
    from api.plot import check_picture_file
    from api.settings import Settings
    from api.stored import open_store
    from ingest.formats.ctc import read_tracking

    check_picture_file(output)
    reporter, minutes = Reporter(as_json=False), None
    with reporter.bars() as bars:
        if Path(tracking).is_dir():
            graph = read_tracking(tracking, progress=bars).graph
        else:
            with open_store(Settings(), bars) as opened:
                graph = opened.store.tracking_graph(tracking)
                minutes = opened.store.movie(opened.store.tracking(tracking).movie_id).minutes_per_frame
    draw_lineages(graph, output, founders=founder or (), minutes_per_frame=minutes, title=tracking)
    reporter.note(f"drawn: {output}")
