"""Write the golden documents that are missing; see the package."""

from tests.golden import ROOT
from tests.golden.documents import documents
from workers.domain.schema import TODAY


def main() -> None:
    """Print the path of each that is written."""
    folder = ROOT / f"v{TODAY}"
    folder.mkdir(exist_ok=True)
    for name, document in documents().items():
        path = folder / f"{name}.json"
        if not path.exists():
            path.write_text(document.model_dump_json(indent=2) + "\n", encoding="utf-8")
            print(path)  # noqa: T201 - a command line


if __name__ == "__main__":
    main()
