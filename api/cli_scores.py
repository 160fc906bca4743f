"""The commands about scores: `cellkin score`, `cellkin plot scores`, `cellkin plot errors`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api import score_report
from api.cli_options import AsJson
from api.console import Reporter

if TYPE_CHECKING:  # imports of the heavy parts stand inside the commands
    from graph.scores.parameters import ScoreParameters

ReferenceName = Annotated[
    str | None, typer.Argument(help="What is taken as the truth: a folder such as 01_GT, or a tracking's id.")
]
ComputedName = Annotated[
    str | None, typer.Argument(help="What is judged: a folder such as 01_RES, or a tracking's id.")
]
Tolerance = Annotated[
    int, typer.Option(help="Frames by which a division may be early or late; measures are given for 0 to it.")
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weight", help="Cost of an operation, such as EA=1.5; may be repeated.", metavar="OP=COST"
    ),
]


def score(
    reference: ReferenceName = None,
    computed: ComputedName = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Score many: a CSV of movie, tracker, reference, computed (folders or ids)."),
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="The table of all stored scores against ground truths.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the table here: .csv, .parquet, or .md for people.")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(help="Write every error here, a row each: .csv or .parquet.")
    ] = None,
    tolerance: Tolerance = 3,
    weight: Weights = None,
    anew: Annotated[bool, typer.Option("--anew", help="Compute a stored score once more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Score a tracking against another: two folders, two stored trackings, or one of each.

    Folders need no database. The score of two stored trackings is stored with all its errors, and found
    again the next time.
    """
    reporter = Reporter(as_json=as_json)
    parameters = _parameters(weight or [], tolerance)
    if table and stored:
        raise typer.BadParameter("--table and --stored are two tables: give one of them")
    if table or stored:
        option = "--table" if table else "--stored"
        _refuse_of_two(option, named=reference is not None, errors=errors)
        if stored:
            _refuse_of_scoring(parameters, anew=anew)
        _score_many(reporter, table, output, parameters)
        return
    if reference is None or computed is None:
        raise typer.BadParameter("name a REFERENCE and a COMPUTED tracking, or give --table or --stored")
    if output:
        raise typer.BadParameter(
            f"--output {output} is for a table: give --table or --stored; "
            "of two trackings, --errors writes every error and --json prints the measures"
        )
    _score_two(reporter, (reference, computed), parameters, errors, anew=anew)


def plot_scores(
    table: Annotated[Path, typer.Argument(help="A table that `cellkin score` wrote: .csv or .parquet.")],
    output: Annotated[Path, typer.Argument(help="The picture: .png, .svg or .pdf.")],
    measure: Annotated[
        list[str] | None,
        typer.Option(help="A column such as TRA or divisions.0.F1; may be repeated. The usual ones if none."),
    ] = None,
) -> None:
    """Draw a table of scores: a panel a measure, a dot a movie, each tracker's mean with its value."""
    from api.plot import check_picture_file, save
    from api.plot_scores import plot_table
    from api.score_table import read_table

    check_picture_file(output)
    save(plot_table(read_table(table), measure or None), output)
    Reporter(as_json=False).note(f"drawn: {output}")


def plot_errors(
    reference: Annotated[
        str, typer.Argument(help="What is taken as the truth: a folder, or a tracking's id.")
    ],
    computed: Annotated[str, typer.Argument(help="What is judged: a folder, or a tracking's id.")],
    output: Annotated[Path, typer.Argument(help="The picture: .png, .svg or .pdf.")],
    founder: Annotated[
        list[int] | None,
        typer.Option(
            help="Label of a founder of the reference; may be repeated. Those with most errors if none."
        ),
    ] = None,
    tolerance: Tolerance = 3,
) -> None:
    """Draw lineage trees coloured by error: what was missed in the reference, what is false in the result."""
    from api.plot import check_picture_file, save
    from api.plot_errors import plot_errors as draw
    from api.score_sides import Side, compare_sides

    check_picture_file(output)
    reporter, parameters = Reporter(as_json=False), _parameters([], tolerance)
    with reporter.bars() as bars:
        found = compare_sides(Side(reference), Side(computed), parameters, bars)
    save(draw(found, founders=founder or (), title=f"{computed} against {reference}"), output)
    reporter.note(f"drawn: {output}")


def _refuse_of_two(option: str, *, named: bool, errors: Path | None) -> None:
    """Refuse what only two trackings have beside `--table` or `--stored`."""
    if named:
        raise typer.BadParameter(f"two trackings, or {option}: leave out one of them")
    if errors:
        raise typer.BadParameter(
            f"--errors {errors} is of two trackings: name a REFERENCE and a COMPUTED, and leave out {option}"
        )


def _refuse_of_scoring(parameters: "ScoreParameters", *, anew: bool) -> None:
    """Refuse beside `--stored`, which computes nothing, what says how to compute."""
    from graph.scores.parameters import ScoreParameters

    if anew or parameters != ScoreParameters():
        raise typer.BadParameter(
            "--stored shows scores that are there, of the usual weights and tolerance: "
            "leave out --weight, --tolerance and --anew, or give --table"
        )


def _score_two(
    reporter: Reporter,
    names: tuple[str, str],
    parameters: "ScoreParameters",
    errors: Path | None,
    *,
    anew: bool,
) -> None:
    from api.error_table import check_errors_file, write_errors
    from api.score_sides import Side, score_sides

    if errors:
        check_errors_file(errors)
    reference, computed = map(Side, names)
    with reporter.bars() as bars:
        found = score_sides(reference, computed, parameters, anew=anew, progress=bars)
        if errors:
            write_errors(found, errors, bars)
    title = f"{computed.name} against {reference.name}"
    reporter.show(score_report.score(found, title))


def _score_many(
    reporter: Reporter, pairs: Path | None, output: Path | None, parameters: "ScoreParameters"
) -> None:
    from api.score_sides import opened
    from api.score_table import (
        check_table_file,
        markdown,
        read_pairs,
        score_pairs,
        stored_table,
        write_table,
    )

    if output:
        check_table_file(output)
    with reporter.bars() as bars:
        if pairs:
            rows = score_pairs(read_pairs(pairs), parameters, bars)
        else:
            with opened(bars) as store:
                rows = stored_table(store)
        if output:
            write_table(rows, output)
    reporter.show(score_report.table(rows, markdown(rows), output))


def _parameters(weights: list[str], tolerance: int) -> "ScoreParameters":
    """What the options say."""
    from graph.scores.parameters import ScoreParameters

    changed = {}
    for text in weights:
        name, _, cost = text.partition("=")
        try:
            changed[name] = float(cost)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is no OP=COST, such as EA=1.5") from error
    return ScoreParameters.with_weights(changed, tolerance)
