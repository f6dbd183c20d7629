"""The Kusto query language, as far as a query of ours is put together from values."""


def text(value: str) -> str:
    r"""A value as a text of the language, in quotes that it can't end: names are hostile.

    Source: https://learn.microsoft.com/kusto/query/scalar-data-types/string (escapes by ``\``)
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
