"""Standard input and output as pipes and as files."""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from estab.cli.stdio import read_input, write_output

Pipe = tuple[FileIO, FileIO]
"""Where it is read, where it is written. Closing twice does no harm, as it would with descriptors."""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    with FileIO(reader, "r") as one, FileIO(writer, "w") as other:
        yield one, other


def test_a_pipe_is_read_to_its_end(pipe: Pipe) -> None:
    reader, writer = pipe

    async def main() -> list[bytes]:
        found = []
        waiting = asyncio.create_task(read_input(reader.fileno()))
        await asyncio.sleep(0)
        assert not waiting.done()
        writer.write(b"one")
        found.append(await waiting)
        writer.write(b"two")
        found.append(await read_input(reader.fileno()))
        writer.close()
        return [*found, await read_input(reader.fileno())]

    assert asyncio.run(main()) == [b"one", b"two", b""]


def test_a_cancelled_read_takes_nothing(pipe: Pipe) -> None:
    reader, writer = pipe

    async def main() -> bytes:
        waiting = asyncio.create_task(read_input(reader.fileno()))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        writer.write(b"kept")
        return await read_input(reader.fileno())

    assert asyncio.run(main()) == b"kept"


def test_files_are_always_ready(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)

    async def main() -> bytes:
        found = b""
        with path.open("rb") as file, (tmp_path / "copy").open("wb") as copy:
            while piece := await read_input(file.fileno()):
                await write_output(piece, copy.fileno())
                found += piece
        return found

    assert asyncio.run(main()) == path.read_bytes() == (tmp_path / "copy").read_bytes()


def test_a_slow_reader_does_not_stop_the_loop(pipe: Pipe) -> None:
    reader, writer = pipe
    data = os.urandom(1 << 20)
    found = bytearray()

    def drain() -> None:
        while piece := reader.read(1 << 16):
            found.extend(piece)

    async def main() -> None:
        writing = asyncio.create_task(write_output(data, writer.fileno()))
        while select.select((), (writer,), (), 0)[1]:
            await asyncio.sleep(0)
        # The pipe is full, and here we are.
        assert not writing.done()
        thread = threading.Thread(target=drain)
        thread.start()
        await writing
        writer.close()
        await asyncio.to_thread(thread.join)

    asyncio.run(main())
    assert found == data


def test_nobody_reads_any_more(pipe: Pipe) -> None:
    reader, writer = pipe
    reader.close()
    with pytest.raises(BrokenPipeError):
        asyncio.run(write_output(b"x", writer.fileno()))
