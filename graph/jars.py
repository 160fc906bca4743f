"""The jars of the managed Neo4j: fetched from Maven repositories, checked against the committed lock."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from filelock import FileLock
from jgo.config import GlobalSettings
from jgo.maven import MavenContext
from platformdirs import user_cache_path
from requests import RequestException

from ingest.errors import StoreError
from ingest.progress import Progress, silent

NEO4J_VERSION = "5.26.30"
LOCK = Path(__file__).with_name(f"neo4j-{NEO4J_VERSION}.lock")
_DOWNLOADS_AT_ONCE = 8
_ATTEMPTS = 2
_REQUEST_TIMEOUT_S = 30


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

    @property
    def coordinate(self) -> tuple[str, str, str, str]:
        """Group, artifact, version and classifier ("" for none), as the path spells them."""
        *group, artifact, version, name = self.path.split("/")
        classifier = name.removeprefix(f"{artifact}-{version}").removesuffix(".jar").removeprefix("-")
        return ".".join(group), artifact, version, classifier

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
    if _missing(folder, jars):
        with _writing(cache), FileLock(cache / f"{folder.name}.install-lock"):
            folder.mkdir(exist_ok=True)
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
def _writing(cache: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error with a remedy."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreError(
            f"the Neo4j jars cannot be stored: {error.strerror or error}",
            place=str(error.filename or cache),
            remedy="make 150 MB free there and the folder writable",
        ) from error


def _fetch_all(folder: Path, jars: Sequence[Jar], progress: Progress) -> None:
    with TemporaryDirectory(prefix="download-", dir=folder) as staging:
        context = _maven(Path(staging))
        pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE)
        try:
            fetched = [pool.submit(_fetch, context, jar, folder) for jar in jars]
            for future in progress(as_completed(fetched), "Fetching Neo4j", len(jars)):
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _maven(staging: Path) -> MavenContext:
    """What downloads: jgo, with the repositories (a mirror, say) of the user's jgo configuration."""
    context = MavenContext(repo_cache=staging, timeout=_REQUEST_TIMEOUT_S)
    context.remote_repos.update(GlobalSettings.load().repositories)
    return context


def _fetch(context: MavenContext, jar: Jar, folder: Path) -> None:
    """Download one jar beside its place, check it, and only then move it there."""
    problem = ""
    for _ in range(_ATTEMPTS):
        try:
            file = _download(context, jar)
        except (RequestException, RuntimeError) as error:
            problem = f"cannot be fetched: {error}"
            continue
        if not (difference := jar.difference(file)):
            file.replace(folder / jar.name)
            return
        problem = f"as fetched {difference}"
        file.unlink()
    raise StoreError(
        f"{jar.name} {problem}",
        place=str(folder),
        remedy="check the network (HTTPS_PROXY, a Maven mirror in jgo's configuration) and run again; "
        "what is already fetched is kept",
    )


def _download(context: MavenContext, jar: Jar) -> Path:
    group, artifact, version, classifier = jar.coordinate
    wanted = context.project(group, artifact).at_version(version).artifact(classifier)
    if wanted.cached_path is not None:
        wanted.cached_path.unlink(missing_ok=True)  # what a broken transfer left
    return wanted.resolve()
