"""The command line. Every command parses its arguments, calls the pipeline, and reports."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from api import report
from api.console import Reporter
from api.settings import Settings
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

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; errors too, on standard error.")
]


class Tracker(StrEnum):
    """A tracker by its name."""

    LAP = "lap"


class Kind(StrEnum):
    """Where a tracking comes from."""

    GROUND_TRUTH = "ground-truth"
    CURATED = "curated"
    PREDICTED = "predicted"


Axes = Annotated[
    str | None, typer.Option(help="Axes of a TIFF stack, such as TYX or TCYX, where it does not say.")
]
PixelSize = Annotated[
    float | None, typer.Option(help="Pixel size in µm, where the movie does not say.", min=0)
]
FrameInterval = Annotated[
    float | None,
    typer.Option("--minutes-per-frame", help="Minutes a frame, where the movie does not say.", min=0),
]
MoviePath = Annotated[Path, typer.Argument(help="A TIFF or OME-TIFF stack, or a folder of TIFF frames.")]
LabelsPath = Annotated[
    Path | None, typer.Option("--labels", help="Label images, one a frame, instead of segmenting.")
]

Diameter = Annotated[
    float | None,
    typer.Option(
        help="Cell diameter for the segmentation, µm (pixels without a pixel size); else measured.", min=0
    ),
]


def main() -> NoReturn:
    """Run the command line; an error that the user can mend ends it with one message and the error's code."""
    signal.signal(signal.SIGTERM, _terminate)
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
    from api.serve import serve_store
    from api.stored import open_store

    reporter, settings = Reporter(as_json=as_json), Settings.with_address(host, port)
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
    tracker: Annotated[Tracker, typer.Option(help="Which tracker.")] = Tracker.LAP,
    output: Annotated[
        Path | None, typer.Option(help="Also write a Cell Tracking Challenge result folder here.")
    ] = None,
    store: Annotated[bool, typer.Option(help="Write to the database; --no-store needs none.")] = True,
    name: Annotated[str | None, typer.Option(help="Name of the movie; by default that of its file.")] = None,
    diameter: Diameter = None,
    force: Annotated[
        bool, typer.Option("--force", help="Segment even what does not look like bright cells.")
    ] = False,
    axes: Axes = None,
    pixel_size: PixelSize = None,
    minutes_per_frame: FrameInterval = None,
    as_json: AsJson = False,
) -> None:
    """Track a movie: segment it unless label images are given, link its cells, store the lineages."""
    from api.pipeline import track_movie
    from ingest.formats.ctc import write_result
    from ingest.movie import open_labels, open_movie
    from ingest.segment import SegmentationSettings

    reporter = Reporter(as_json=as_json)
    settings = SegmentationSettings(diameter=diameter, force=force)
    opened_movie = open_movie(
        movie, axes=axes, pixel_size=pixel_size, minutes_per_frame=minutes_per_frame, name=name
    )
    given = open_labels(labels) if labels else None
    with reporter.bars() as bars:
        tracked = track_movie(
            opened_movie, given, tracker=tracker.value, segmentation=settings, progress=bars
        )
        if output:
            write_result(tracked.graph, tracked.labels, output, progress=bars)
        record = None
        if store:
            from api.stored import open_store, store_tracked

            with open_store(Settings(), bars) as opened:
                record = store_tracked(opened.store, tracked, bars)
    reporter.show(report.tracked(tracked, record, output))


@app.command()
def ingest(
    movie: MoviePath,
    tracking: Annotated[
        Path,
        typer.Argument(help="A Cell Tracking Challenge folder: a ground truth (01_GT) or a result (01_RES)."),
    ],
    kind: Annotated[Kind, typer.Option(help="Where the tracking comes from.")] = Kind.GROUND_TRUTH,
    author: Annotated[str, typer.Option(help="Who made it: a person, a tracker.")] = "unknown",
    name: Annotated[str | None, typer.Option(help="Name of the movie; by default that of its file.")] = None,
    axes: Axes = None,
    pixel_size: PixelSize = None,
    minutes_per_frame: FrameInterval = None,
    as_json: AsJson = False,
) -> None:
    """Store a tracking that exists already, such as a ground truth, with its movie."""
    from api.pipeline import measure_tracking
    from api.stored import open_store, store_tracking
    from graph.records import TrackingKind
    from ingest.formats.ctc import read_tracking
    from ingest.movie import open_movie

    reporter = Reporter(as_json=as_json)
    opened_movie = open_movie(
        movie, axes=axes, pixel_size=pixel_size, minutes_per_frame=minutes_per_frame, name=name
    )
    sequence = read_tracking(tracking)
    with reporter.bars() as bars:
        graph = measure_tracking(sequence.graph, sequence.labels, opened_movie, bars)
        with open_store(Settings(), bars) as opened:
            record = store_tracking(
                opened.store,
                opened_movie,
                graph,
                sequence.labels,
                kind=TrackingKind[kind.name],
                author=author,
                parameters={"source": tracking.name},
                progress=bars,
            )
    reporter.show(report.stored(record))


@app.command()
def score(
    reference: Annotated[Path, typer.Argument(help="Ground-truth folder, such as 01_GT.")],
    computed: Annotated[Path, typer.Argument(help="Result folder, such as 01_RES.")],
    as_json: AsJson = False,
) -> None:
    """Score a tracking against a ground truth, both as Cell Tracking Challenge folders; needs no database."""
    from api.folders import score_folders

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars:
        result = score_folders(reference, computed, bars)
    reporter.show(report.score(result, reference, computed))


@app.command()
def export(
    tracking: Annotated[str, typer.Argument(help="Id of a stored tracking.")],
    output: Annotated[Path, typer.Argument(help="NAME.parquet, NAME.csv, or a folder for a CTC result.")],
    as_json: AsJson = False,
) -> None:
    """Write a stored tracking to a file: time series as Parquet or CSV, or a CTC result folder."""
    from api.export import export_tracking
    from api.stored import open_store

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars, open_store(Settings(), bars) as opened:
        export_tracking(opened.store, tracking, output, bars)
    reporter.show(report.exported(tracking, output))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve GraphQL, GraphiQL and tables until Ctrl-C."""
    from api.serve import serve_store
    from api.stored import open_store

    reporter, settings = Reporter(as_json=False), Settings.with_address(host, port)
    with reporter.bars() as bars, open_store(settings, bars) as opened:
        bars.stop()
        reporter.show(report.addresses(settings, opened.address))
        serve_store(settings, opened.store)


@app.command()
def doctor(
    sweep: Annotated[bool, typer.Option("--sweep", help="First remove what dead writers left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the program, the server and what is stored; say the remedy for what is wrong."""
    from api.doctor import examine

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars:
        found = examine(Settings(), sweep=sweep, progress=bars)
    reporter.show(report.findings(found))
    raise SystemExit(0 if all(finding.ok for finding in found) else 1)


@neo4j.command("start")
def neo4j_start(as_json: AsJson = False) -> None:
    """Start the managed server and let it run until `cellkin neo4j stop`."""
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
    from api.stored import managed_server

    server = managed_server(Settings())
    server.stop()
    Reporter(as_json=as_json).show(report.server(server))


@neo4j.command("status")
def neo4j_status(as_json: AsJson = False) -> None:
    """Tell whether the managed server runs, and its addresses and login; exit code 0 when it runs, else 1."""
    from api.stored import managed_server

    server = managed_server(Settings())
    Reporter(as_json=as_json).show(report.server(server))
    raise SystemExit(0 if server.status().running else 1)


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
    from api.stored import open_store
    from ingest.formats.ctc import read_tracking

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
