"""`cellkin token`: who may use the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli_options import AsJson
from api.console import Reporter
from api.report import Report

if TYPE_CHECKING:  # the driver takes a second to import, which `cellkin --help` does not wait for
    from graph.tokens import TokenRecord

app = typer.Typer(help="Tokens: who may use the service.", no_args_is_help=True)


class TokenScope(StrEnum):
    """What a token allows."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.command("create")
def create(
    scope: Annotated[TokenScope, typer.Option(help="To look; to store and score too; to do all.")],
    name: Annotated[str, typer.Option(help="What it is for, such as the name of a person or a script.")] = "",
    expires: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="Days that it is good for; for ever if not given.", min=1),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: the database keeps no more than its hash."""
    from api.settings import Settings
    from api.stored import open_store
    from graph.tokens import Scope

    reporter = Reporter(as_json=as_json)
    lifetime = timedelta(days=expires) if expires is not None else None
    with reporter.bars() as bars, open_store(Settings(), bars) as opened:
        record, secret = opened.store.tokens.create(Scope[scope.name], name=name, lifetime=lifetime)
    document = {**_document(record), "token": secret}
    rows = [("token", secret), *_rows(record), ("use", "Authorization: Bearer TOKEN")]
    reporter.show(Report(document, "A new token, shown this once", rows))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tokens, without their secrets."""
    from api.settings import Settings
    from api.stored import open_store

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars, open_store(Settings(), bars) as opened:
        found = opened.store.tokens.all()
    rows = [(one.id, ", ".join(f"{name} {value}" for name, value in _rows(one)[1:])) for one in found]
    reporter.show(Report({"tokens": [_document(one) for one in found]}, f"{len(found)} tokens", rows))


@app.command("revoke")
def revoke(
    token: Annotated[
        str, typer.Argument(help="Its id, as `cellkin token list` shows it, or the token itself.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make a token worthless; a running service knows within 10 seconds."""
    from api.settings import Settings
    from api.stored import open_store

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars, open_store(Settings(), bars) as opened:
        record = opened.store.tokens.revoke(token)
    reporter.show(Report(_document(record), "revoked", _rows(record)))


def _document(record: TokenRecord) -> dict[str, object]:
    times = {name: getattr(record, name) for name in ("created", "expires", "revoked", "last_used")}
    known = {name: time.isoformat() if time else None for name, time in times.items()}
    valid = record.is_valid()
    return {"id": record.id, "name": record.name, "scope": str(record.scope), "valid": valid, **known}


def _rows(record: TokenRecord) -> list[tuple[str, str]]:
    rows = [("id", record.id), ("scope", str(record.scope))]
    if record.name:
        rows.append(("name", record.name))
    expired = record.expires is not None and record.expires <= datetime.now(UTC)
    for label, time in (
        ("created", record.created),
        ("expired" if expired else "expires", record.expires),
        ("revoked", record.revoked),
        ("last used", record.last_used),
    ):
        if time is not None:
            rows.append((label, f"{time:%Y-%m-%d %H:%M} UTC"))
    return rows
