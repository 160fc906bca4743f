"""What the command line shows: progress bars, tables, errors; JSON where a script reads."""

import json
import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from api.report import Report
from ingest.errors import CellkinError

T = TypeVar("T")


class Bars:
    """Progress bars on standard error: an `ingest.progress.Progress` to use as a context manager.

    Each long step gets a bar of its own, which stays when it is done.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True, compact=True),
            console=console,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stop(self) -> None:
        """Leave the bars as they are; what follows prints below them."""
        self._progress.stop()

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield each item and move the step's bar on once it has been dealt with."""
        length = total if total is not None else getattr(items, "__len__", lambda: None)()
        task = self._progress.add_task(description, total=length)
        done = 0
        try:
            for item in items:
                yield item
                done += 1
                self._progress.update(task, completed=done)
        finally:  # who takes just what there is never comes back after the last item
            if done + 1 == length:
                done += 1
            self._progress.update(task, total=done, completed=done)


class Reporter:
    """Prints results for a person, or as one JSON document for a script.

    Args:
        as_json: one JSON document on standard output, errors as JSON on standard error, no bars.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, emoji=False)

    def bars(self) -> Bars:
        """Progress bars, silent when a script reads."""
        quiet = Console(stderr=True, quiet=self.as_json)
        return Bars(quiet)

    def show(self, report: Report) -> None:
        """Print the report's document as JSON, or its rows, a name and a value each."""
        if self.as_json:
            sys.stdout.write(json.dumps(report.document, indent=2, allow_nan=False) + "\n")
            return
        width = max((len(name) for name, _ in report.rows), default=0)
        self.out.print(f"\n[bold]{escape(report.title)}[/]")
        for name, value in report.rows:  # a table would cut addresses where a line ends
            self.out.print(f"[cyan]{escape(name.ljust(width))}[/]  {escape(value)}", soft_wrap=True)

    def note(self, text: str) -> None:
        """A line for a person; nothing for a script."""
        if not self.as_json:
            self.out.print(text, markup=False, soft_wrap=True)

    def fail(self, error: CellkinError) -> NoReturn:
        """Print what is wrong, where, and the remedy; end with the error's exit code."""
        if self.as_json:
            sys.stderr.write(json.dumps({"error": error.as_dict()}) + "\n")
        else:
            place = f"[bold]{escape(error.place)}[/]: " if error.place else ""
            self.err.print(f"[bold red]error[/] {place}{escape(error.problem)}", soft_wrap=True)
            if error.remedy:
                self.err.print(f"[bold]try[/]   {escape(error.remedy)}", soft_wrap=True)
        raise SystemExit(error.exit_code)
