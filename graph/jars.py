"""The jars of the managed Neo4j: fetched from Maven repositories, checked against the committed lock."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock
from jgo.config import GlobalSettings
from jgo.maven import MavenContext
from platformdirs import user_cache_path
from requests import RequestException, Session
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from ingest.errors import StoreError
from ingest.progress import Progress, silent

NEO4J_VERSION = "5.26.30"
LOCK = Path(__file__).with_name(f"neo4j-{NEO4J_VERSION}.lock")
_DOWNLOADS_AT_ONCE = 8
_ATTEMPTS = 2
_REQUEST_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Jar:
    """One line of the lock: what a jar must be, and where in a Maven repository it lies."""

    sha256: str
    size: int
    path: str

    @property
    def name(self) -> str:
        """File name, unique in the lock."""
        return PurePosixPath(self.path).name

    def difference(self, file: Path) -> str:
        """How `file` departs from the lock, "" when it does not."""
        if (size := file.stat().st_size) != self.size:
            return f"is {size} bytes long where the lock says {self.size}"
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return "" if digest == self.sha256 else f"has sha256 {digest} where the lock says {self.sha256}"


def read_lock(lock: Path = LOCK) -> tuple[Jar, ...]:
    """All jars of a lock file with a line `sha256 size path` for each."""
    lines = (line.split() for line in lock.read_text("utf-8").splitlines())
    return tuple(Jar(sha256, int(size), path) for sha256, size, path in lines)


def default_cache() -> Path:
    """Where this user's jars are kept, shared by all data folders."""
    return user_cache_path("cellkin")


def install_jars(
    cache: Path, jars: Sequence[Jar] | None = None, *, progress: Progress = silent
) -> tuple[Path, ...]:
    """Fetch the jars that are missing and check every one.

    A complete cache is only read, so it may be read-only. Safe to interrupt, and to run twice at once.

    Args:
        cache: folder that holds the folder of jars.
        jars: what to install; by default the committed lock.
        progress: hears of each jar fetched.

    Returns:
        The verified files, in the order of the lock.

    Raises:
        StoreError: an altered or unexpected jar, no network, no space, no permission.
    """
    jars = read_lock() if jars is None else jars
    folder = cache / f"neo4j-{NEO4J_VERSION}"
    with _file_errors(cache):
        if _missing(folder, jars):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / f"{folder.name}.install-lock"):
                _fetch_all(folder, _missing(folder, jars), progress)
    return tuple(folder / jar.name for jar in jars)


def _missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    """The jars that are not there yet; a file that is there must be as the lock says."""
    expected = {jar.name: jar for jar in jars}
    present = {file.name: file for file in folder.glob("*.jar")}
    for name in sorted(present.keys() - expected.keys()):
        raise StoreError(
            f"{name} is not in the lock of Neo4j {NEO4J_VERSION}",
            place=str(present[name]),
            remedy="delete it and run again",
        )
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        differences = pool.map(lambda name: expected[name].difference(present[name]), present)
    for name, difference in zip(present, differences, strict=True):
        if difference:
            raise StoreError(
                f"the jar {difference}", place=str(present[name]), remedy="delete it and run again"
            )
    return [jar for name, jar in expected.items() if name not in present]


@contextmanager
def _file_errors(cache: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error with a remedy."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the Neo4j jars cannot be stored: {error.strerror or error}",
            place=str(error.filename or cache),
            remedy="make 150 MB free there and the folder writable",
        ) from error


def _fetch_all(folder: Path, jars: Sequence[Jar], progress: Progress) -> None:
    with _session() as session:
        pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE)
        try:
            fetches = [pool.submit(_fetch, session, _repositories(), jar, folder) for jar in jars]
            for fetch in progress(as_completed(fetches), "Fetching Neo4j", len(jars)):
                fetch.result()
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure or Ctrl-C, begin no more


def _repositories() -> tuple[str, ...]:
    """What jgo takes Maven artifacts from, with the mirrors of the user's jgo configuration."""
    return tuple((MavenContext().remote_repos | GlobalSettings.load().repositories).values())


def _session() -> Session:
    """Connections that are kept for the next jar, and patience with a busy repository."""
    patience = Retry(total=2, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    session = Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_DOWNLOADS_AT_ONCE, max_retries=patience))
    return session


def _fetch(session: Session, repositories: Sequence[str], jar: Jar, folder: Path) -> None:
    """Download one jar beside its place, check it, and only then move it there."""
    part = folder / f"{jar.name}.part"
    problem = "is in no repository"
    for repository in [*repositories] * _ATTEMPTS:
        problem = _download(session, f"{repository}/{jar.path}", part) or jar.difference(part)
        if not problem:
            part.replace(folder / jar.name)
            return
        part.unlink(missing_ok=True)
    raise StoreError(
        f"{jar.name}, newly fetched, {problem}",
        place=str(folder),
        remedy="check the network (HTTPS_PROXY, a Maven mirror in jgo's configuration) and run again; "
        "what was fetched before is kept",
    )


def _download(session: Session, address: str, file: Path) -> str:
    """What went wrong, "" when nothing did."""
    try:
        with (
            session.get(address, stream=True, timeout=_REQUEST_TIMEOUT_S) as response,
            file.open("wb") as output,
        ):
            response.raise_for_status()
            output.writelines(response.iter_content(_CHUNK_BYTES))
    except RequestException as error:
        return f"did not come: {error}"
    return ""
