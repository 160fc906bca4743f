"""Compiles cellkin's loops in C where it is installed or built; without a compiler NumPy stands in."""

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class CompileLoops(BuildHookInterface):
    """Compiles `ingest/loops.c` beside it, before a wheel is made or the sources are installed in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what was compiled to a wheel, which then is for this platform alone."""
        sys.path.insert(0, self.root)
        from ingest.compile_loops import compile_loops

        library = compile_loops()
        if library is not None and version == "standard":
            platform = next(tag for tag in platform_tags() if "linux_" not in tag or tag.startswith("linux_"))
            build_data["force_include"][str(library)] = f"ingest/{library.name}"
            build_data["pure_python"], build_data["tag"] = False, f"py3-none-{platform}"
