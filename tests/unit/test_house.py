"""How the house is kept: who imports what, how long files are, and what must not be written anywhere."""

import ast
import subprocess
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

import pytest

from tests.unit.foreign_privates import OURS, defined, foreign_privates

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "workers", "deploy", "tests")
GENERATED = {"__pycache__", "node_modules", "dist"}
MOST_LINES, MOST_FILES = 400, 16
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "index-" + "url")


def _files(*suffixes: str) -> list[Path]:
    return sorted(
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and GENERATED.isdisjoint(path.parts)
    )


def test_the_bot_imports_no_management_library_of_azure() -> None:
    code = (
        "import sys, bot.__main__, bot.doctor, bot.wiring\n"
        "print([m for m in sys.modules if m.startswith(('azure.mgmt', 'workers.arm'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("script", ["startgate", "startgate-bot"])
def test_the_console_scripts_exist_and_say_what_they_can_do(script: str) -> None:
    path = Path(sys.executable).parent / script
    run = subprocess.run([str(path), "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage" in run.stdout


@pytest.mark.parametrize("module", ["workers", "bot"])
def test_both_command_lines_tell_their_version(module: str) -> None:
    command = [sys.executable, "-m", module, "--version"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == f"startgate {metadata.version('startgate')}\n"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_too_long_to_read(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _files(".py")
        if path.relative_to(ROOT).parts[0] == folder
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) >= MOST_LINES
    }
    assert not long


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_is_fuller_than_a_glance(folder: str) -> None:
    """Where one is, give what belongs together a room of its own."""
    held = Counter(path.parent for path in _files(".py") if path.name != "__init__.py")
    assert not {
        str(room.relative_to(ROOT)): files
        for room, files in held.items()
        if room.relative_to(ROOT).parts[0] == folder and files > MOST_FILES
    }


def test_no_file_names_a_package_registry() -> None:
    texts = [*_files(".py", ".yaml", ".yml", ".toml", ".md", ".bicep", ".sh", ""), *ROOT.glob("*.*")]
    named = [
        str(path.relative_to(ROOT))
        for path in texts
        if path.is_file() and any(host in path.read_text(errors="replace") for host in REGISTRIES)
    ]
    assert not named


def test_no_private_name_of_another_package_is_used() -> None:
    """An update of a dependency may move them without a word."""
    sources = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in _files(".py")
        if path.relative_to(ROOT).parts[0] in OURS
    }
    ours = {name for source in sources.values() for name in defined(ast.parse(source))}
    used = {
        path: found for path, source in sources.items() if (found := foreign_privates(source, elsewhere=ours))
    }
    assert not used


@pytest.mark.parametrize(
    "source",
    [
        "import azure.servicebus._pyamqp",
        "import _socket",
        "from azure.servicebus._pyamqp.aio import Connection",
        "from azure.servicebus import _pyamqp",
        "receiver._handler.close()",
        "receiver._handler = None",
        "del link._tags",
        "client().connection._state",
        "class Ours(Theirs):\n    def run(self):\n        return self._handlers",
        "class Ours(Theirs):\n    def run(self):\n        return super()._open()",
        "class Ours:\n    def __init__(self, link):\n        self._link = link\n        link._tags.clear()",
        "getattr(receiver, '_handler', None)",
        "setattr(receiver, '_handler', None)",
        "hasattr(receiver, '_handler')",
        "operator.attrgetter('link._tags')",
        "vars(handler)['_socket_timeout']",
        "handler.__dict__['_socket_timeout'] = 1",
        "logging.getLogger('azure.servicebus._pyamqp')",
        "importlib.import_module('azure.servicebus._pyamqp')",
    ],
)
def test_a_private_name_of_another_package_is_found(source: str) -> None:
    assert foreign_privates(source)


@pytest.mark.parametrize(
    "source",
    [
        "from workers.store._keys import key",
        "from __future__ import annotations",
        "class Ours:\n    def __init__(self, other):\n        self._link = other._link",
        "class Ours(Base):\n    def run(self):\n        return self._inherited",
        "for _ in range(3): type(x).__name__",
        "row._replace(a=1)",
        "'a sentence about azure.servicebus._pyamqp, in words'",
        "getattr(error, 'status_code', None)",
    ],
)
def test_what_is_ours_or_public_is_no_offence(source: str) -> None:
    assert not foreign_privates(source, elsewhere={"_inherited"})
