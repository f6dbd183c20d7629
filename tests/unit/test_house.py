"""How the house is kept: who imports what, how long files are, and what must not be written anywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "workers", "deploy", "tests")
GENERATED = {"__pycache__", "node_modules", "dist"}
MOST_LINES = 400
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


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_too_long_to_read(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _files(".py")
        if path.relative_to(ROOT).parts[0] == folder
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) >= MOST_LINES
    }
    assert not long


def test_no_file_names_a_package_registry() -> None:
    texts = [*_files(".py", ".yaml", ".yml", ".toml", ".md", ".bicep", ".sh", ""), *ROOT.glob("*.*")]
    named = [
        str(path.relative_to(ROOT))
        for path in texts
        if path.is_file() and any(host in path.read_text(errors="replace") for host in REGISTRIES)
    ]
    assert not named
