"""Compile `loops.c`, once where cellkin is installed: `python -m ingest.compile_loops` does it again.

Nothing is imported here but Python's own modules, since nothing else is there while a package is built.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("loops.c")
OPTIONS = ("-O3", "-std=c11", "-ffp-contract=off", "-shared", "-fPIC")
"""No two operations may be contracted to one that rounds once: NumPy rounds twice."""
COMPILERS = ("cc", "gcc", "clang")


def library_path() -> Path:
    """Where the compiled loops belong. The name tells what they were compiled from: none is out of date."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    return SOURCE.with_name(f"_loops-{digest}.so")


def compile_loops() -> Path | None:
    """Compile the loops by `$CC` or the machine's C compiler, and remove those of another source.

    Returns:
        The library; None where that is not possible, and NumPy does the work.
    """
    compiler = shlex.split(os.environ.get("CC", "")) or [name for name in COMPILERS if shutil.which(name)][:1]
    try:
        if not compiler:
            raise OSError("there is no C compiler")
        return _compiled_by(compiler)
    except subprocess.CalledProcessError as error:
        reason = error.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    message = f"cellkin's loops over pixels are not compiled, so tracking is slower: {reason.strip()}"
    print(message, file=sys.stderr)
    return None


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
            other.unlink()
    return library


if __name__ == "__main__":
    sys.exit(0 if compile_loops() else 1)
