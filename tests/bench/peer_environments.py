"""Environments for the trackers of others, which cannot live in the locked one; made once, in `.peers`.

btrack 0.7.0 is published as one wheel for all systems whose Linux library needs GLIBCXX_3.4.32 (GCC 13); on
an older system it is compiled anew, from the sources in the wheel and the Eigen headers in eigency's.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / ".peers"
LAPTRACK = ("laptrack==0.17.1",)
BTRACK = ("btrack==0.7.0", "setuptools<81")
EIGEN = "eigency==5.0.1.1"


class PeerUnavailableError(Exception):
    """A peer cannot be had here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own.

    Attributes:
        name: of its folder.
        requirements: what is installed in it.
    """

    name: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return FOLDER / self.name / "bin" / "python"

    def install(self, uv: str) -> None:
        """Make it, unless it is there.

        Raises:
            PeerUnavailableError: a package cannot be installed, or btrack's library not be compiled.
        """
        done = FOLDER / self.name / "installed"
        if done.exists() and done.read_text() == repr(self.requirements):
            return
        shutil.rmtree(FOLDER / self.name, ignore_errors=True)
        _run([uv, "venv", "--quiet", "--python", "3.11", str(FOLDER / self.name)])
        _run([uv, "pip", "install", "--quiet", "--python", str(self.python), *self.requirements])
        if self.name == "btrack":
            _mend_btrack(self, uv)
        done.write_text(repr(self.requirements))


LAPTRACK_ENVIRONMENT = Environment("laptrack", LAPTRACK)
BTRACK_ENVIRONMENT = Environment("btrack", BTRACK)
ENVIRONMENTS = (LAPTRACK_ENVIRONMENT, BTRACK_ENVIRONMENT)


def _mend_btrack(environment: Environment, uv: str) -> None:
    """Compile btrack's library where the published one does not load."""
    if _loads(environment):
        return
    _run([uv, "pip", "install", "--quiet", "--python", str(environment.python), "--no-deps", EIGEN])
    (packages,) = (FOLDER / environment.name / "lib").glob("python*/site-packages")
    package = packages / "btrack"
    sources = sorted(str(source) for source in (package / "src").glob("*.cc"))
    flags = ["-std=c++17", "-O3", "-fPIC", "-shared", "-w", "-DDEBUG=false", "-DBUILD_SHARED_LIB"]
    headers = ["-I", str(package / "include"), "-I", str(packages / "eigency")]
    _run(["g++", *flags, *headers, "-o", str(package / "libs" / "libtracker.so"), *sources])
    if not _loads(environment):
        raise PeerUnavailableError("btrack's library does not load, though it compiled")


def _loads(environment: Environment) -> bool:
    command = [str(environment.python), "-c", "import btrack; btrack.BayesianTracker()"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise PeerUnavailableError(f"{command[0]} is not installed") from error
    if done.returncode:
        raise PeerUnavailableError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}")
