"""The service's log: an event a line with the request's id, as text or as JSON; never a secret or a body."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import FilteringBoundLogger, Processor

from api.settings import LogFormat

NAME = "cellkin"
OTHERS = ("uvicorn", "uvicorn.error", "strawberry")
"""Libraries whose warnings go the same way."""
LONGEST = 2000
"""Characters of one value; a traceback may be ten times as long."""


def service_log() -> FilteringBoundLogger:
    """What the service writes to; where it goes is the process's affair (`configure`)."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        logging.getLogger(NAME),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _no_endless_values,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return log


def configure(form: LogFormat) -> None:
    """Send the log of this process to standard error, the warnings of its libraries too."""
    shown: list[Processor] = [ProcessorFormatter.remove_processors_meta]
    if form is LogFormat.JSON:
        shown += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        shown += [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            processors=shown,
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
            ],
        )
    )
    for name, level in ((NAME, logging.INFO), *((other, logging.WARNING) for other in OTHERS)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def _no_endless_values(
    _log: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST:
            event[key] = f"{value[:LONGEST]}…"
    return event
