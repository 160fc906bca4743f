"""The files of a tracking by URL: tables in each form, and its result as a zip."""

from contextvars import Context
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from api.conditional import has_tag
from api.table_files import CTC, ZIP, TableFiles, TrackingFile
from api.table_form import WRITERS
from api.table_query import table_query
from api.tables import OPTIONS, TableKind
from ingest.errors import NotFoundError

MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.file",
    ".csv": "text/csv; charset=utf-8",
    ZIP: "application/zip",
}
SIGNATURE = "token"
"""The parameter of a signed link, which says nothing of the table."""
MAKING_AT_ONCE = 4


@dataclass(frozen=True)
class Downloads:
    """Answers with files, each made when first asked for.

    Attributes:
        files: that there are or can be made.
        making: how many are made at once; one that is there waits for none.
    """

    files: TableFiles
    making: CapacityLimiter

    async def answer(self, request: Request) -> Response:
        """A file, whole or by `Range`.

        Raises:
            NotFoundError: there is no such tracking, table or form.
            InputError: a parameter that the table does not take.
        """
        kind, suffix = request.path_params["kind"], f".{request.path_params['form']}"
        tracking = request.path_params["tracking"]
        given = [(name, value) for name, value in request.query_params.multi_items() if name != SIGNATURE]
        file = await to_thread.run_sync(self._file, tracking, kind, suffix, given)
        if not await to_thread.run_sync(self.files.is_ready, file):
            # A file is for all who will ask, so its making does not end with this request's time.
            await to_thread.run_sync(Context().run, self.files.make, file, limiter=self.making)
        return _response(request, file, f"{tracking}-{kind}{suffix}")

    def _file(self, tracking: str, kind: str, suffix: str, given: list[tuple[str, str]]) -> TrackingFile:
        place = f"/trackings/{tracking}/{kind}{suffix}"
        if (kind, suffix) == (CTC, ZIP):
            table_query(given, (), place)
            return self.files.ctc_zip(tracking)
        if kind not in [*TableKind] or suffix not in WRITERS:
            raise NotFoundError(
                f"no file is called {kind}{suffix}",
                place=f"/trackings/{tracking}/",
                remedy=f"ask for {', '.join(TableKind)} as {' or '.join(WRITERS)}, or for {CTC}{ZIP}",
            )
        table = TableKind(kind)
        return self.files.table(tracking, table, suffix, table_query(given, OPTIONS[table], place))


def download_routes(files: TableFiles) -> list[Route]:
    """The routes of `Downloads`."""
    downloads = Downloads(files, CapacityLimiter(MAKING_AT_ONCE))
    return [Route("/trackings/{tracking}/{kind}.{form}", downloads.answer)]


def _response(request: Request, file: TrackingFile, name: str) -> Response:
    """The file, or that the client has it: the same address and key have the same bytes for ever."""
    tag = f'"{file.key}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if has_tag(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    if "if-match" in request.headers and not has_tag(request.headers["if-match"], tag):
        return Response(status_code=412, headers=headers)
    media_type = MEDIA_TYPES[file.path.suffix]
    stat = file.path.stat()
    return FileResponse(file.path, media_type=media_type, filename=name, headers=headers, stat_result=stat)
