"""The page's sources import each other in one direction."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

SOURCES = Path(__file__).parents[3] / "deploy/sandbox/page/web/src"
IMPORT = re.compile(r"""\bfrom\s+["'](\.[^"']+)["']|^import\s+["'](\.[^"']+)["']""", re.MULTILINE)


def imports_of(path: Path) -> set[Path]:
    """The page's own modules that a module imports, types included."""
    found = set()
    for match in IMPORT.finditer(path.read_text(encoding="utf-8")):
        named = (path.parent / (match[1] or match[2])).resolve()
        found |= {file for suffix in ("", ".ts", ".tsx") if (file := Path(f"{named}{suffix}")).is_file()}
    return {file for file in found if file.suffix in (".ts", ".tsx")}


def test_no_module_of_the_page_is_in_a_ring_of_imports() -> None:
    graph = {path: imports_of(path) for path in SOURCES.rglob("*.ts*")}
    assert sum(map(len, graph.values())) > len(graph)  # the pattern still finds imports
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the ring
