"""Options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; errors too, on standard error.")
]
