"""``python -m deploy.docs [--check]``: write the generated documentation, or fail when it is stale."""

import sys
from pathlib import Path

from deploy.docs.states import states_page
from deploy.observability.dashboard import dashboard_text
from workers.domain.policy.reading.json_schema import policy_schema_text

ROOT = Path(__file__).parents[2]
PAGES = {
    ROOT / "docs" / "states.md": states_page,
    ROOT / "docs" / "policy.schema.json": policy_schema_text,
    ROOT / "deploy" / "observability" / "dashboard.json": dashboard_text,
}


def main() -> int:
    """Write each page that differs; with ``--check`` only say so. 1 when a page was stale under --check."""
    check = "--check" in sys.argv[1:]
    stale = [
        (path, text)
        for path, make in PAGES.items()
        if (text := make()) != (path.read_text(encoding="utf-8") if path.exists() else "")
    ]
    for path, text in stale:
        if not check:
            path.write_text(text, encoding="utf-8")
        print(f"{path.name} {'is stale: run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
