from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire.copying import joined, joined_pure
from estab.wire.packet import Buffer

JOINS: list[Callable[[list[Buffer]], bytes]] = [*dict.fromkeys((joined_pure, joined))]
"""That of Python, and that in C where it was built."""
each_join = pytest.mark.parametrize("join", JOINS, ids=["python", "c"][: len(JOINS)])


@each_join
@given(chunks=st.lists(st.binary(max_size=5000), max_size=5))
def test_chunks_of_any_kind_and_size_are_joined(join: Callable[[list[Buffer]], bytes], chunks: list[bytes]) -> None:
    kinds: list[Buffer] = []
    for index, chunk in enumerate(chunks):
        kinds.append((chunk, bytearray(chunk), memoryview(b"x" + chunk)[1:])[index % 3])
    assert join(kinds) == b"".join(chunks)


@each_join
def test_what_is_joined_is_let_go(join: Callable[[list[Buffer]], bytes]) -> None:
    buffer = bytearray(b"abc")
    assert join([buffer, buffer]) == b"abcabc"
    buffer.append(0)  # refused while anybody holds a view


@each_join
def test_what_is_no_buffer_is_refused_and_the_others_are_let_go(join: Callable[[list[Buffer]], bytes]) -> None:
    buffer = bytearray(b"abc")
    wrong: list[object] = [buffer, 7]
    with pytest.raises(TypeError):
        join(wrong)  # type: ignore[arg-type]
    buffer.append(0)
