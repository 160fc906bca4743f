"""Compile `loops.c` where cellkin is installed; `python -m ingest.compile_loops` does it later.

Nothing is imported here but Python's own modules, since nothing else is there while a package is built.
"""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from ctypes import CDLL
from pathlib import Path

SOURCE = Path(__file__).with_name("loops.c")
OPTIONS = ("-O3", "-std=c11", "-fno-fast-math", "-ffp-contract=off", "-shared", "-fPIC")
"""Every operation rounds, as NumPy's do: none is left out, nor two contracted to one."""
COMPILERS = ("cc", "gcc", "clang")


def library_path() -> Path:
    """Where the compiled loops belong. The name tells from what, how and for which machine."""
    machine = (sys.platform, platform.machine(), platform.libc_ver()[0])
    made_from = SOURCE.read_bytes() + " ".join((*OPTIONS, *machine)).encode()
    digest = hashlib.sha256(made_from).hexdigest()[:12]
    return SOURCE.with_name(f"_loops-{digest}.so")


def compile_loops() -> Path | None:
    """Compile the loops, unless they are there and load, by `$CC` or the machine's C compiler; remove others.

    Returns:
        The library; None where that is not possible, and NumPy does the work.
    """
    if _loads(library_path()):
        return library_path()
    try:
        known = [name for name in COMPILERS if shutil.which(name)]
        compiler = shlex.split(os.environ.get("CC", "")) or known[:1]
        if not compiler:
            raise OSError("there is no C compiler")
        return _compiled_by(compiler)
    except subprocess.CalledProcessError as error:
        reason = error.stderr or str(error)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    message = f"cellkin's loops over pixels are not compiled, so tracking is slower: {reason.strip()}"
    print(message, file=sys.stderr)
    return None


def _loads(library: Path) -> bool:
    try:
        CDLL(str(library))
    except OSError:
        return False
    return True


def _compiled_by(compiler: Sequence[str]) -> Path:
    library = library_path()
    others = set(library.parent.glob("_loops-*")) - {library}
    with tempfile.TemporaryDirectory(dir=library.parent, prefix="_loops-") as folder:
        made = Path(folder) / library.name
        command = [*compiler, *OPTIONS, str(SOURCE), "-o", str(made), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)  # noqa: S603
        made.replace(library)
    for other in others:
        if other.is_file():
            other.unlink(missing_ok=True)
    return library


if __name__ == "__main__":
    sys.exit(0 if compile_loops() else 1)
