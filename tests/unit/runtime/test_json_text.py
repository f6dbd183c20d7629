"""JSON from outside is read as Python reads it, only faster."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.runtime.json_text import parsed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_it_says_what_pythons_own_says(value: object, escaped: bool, encoding: str) -> None:  # noqa: FBT001
    text = json.dumps(value, ensure_ascii=escaped)
    assert parsed(text.encode(encoding)) == json.loads(text) == value


@given(st.binary() | st.text(alphabet='{}[]",:\\ud8ntfe0123456789.-+ ').map(str.encode))
def test_whatever_comes_it_is_read_alike_or_refused_with_the_same_words(text: bytes) -> None:
    assert _said(parsed, text) == _said(lambda text: json.loads(text, parse_int=_integer), text)


def _said(read: Callable[[bytes], object], text: bytes) -> str:
    try:
        return repr(read(text))
    except (ValueError, RecursionError) as error:
        return f"{type(error)}: {error}"


def _integer(text: str) -> int | float:
    number = int(text)
    return number if -(2**63) <= number < 2**64 else float(number)


@pytest.mark.parametrize(
    ("text", "value"), [(b'"\\ud800"', "\ud800"), (b"[Infinity]", [float("inf")]), (b"\xef\xbb\xbf{}", {})]
)
def test_what_orjson_refuses_and_python_takes_is_taken(text: bytes, value: object) -> None:
    assert parsed(text) == value


def test_what_nests_too_deeply_is_refused_and_harms_nothing() -> None:
    with pytest.raises((ValueError, RecursionError)):
        parsed(b"[" * 200_000)
