"""The files of one directory as answers to HTTP requests. What lies outside of it does not exist."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from email.utils import formatdate
from http import HTTPStatus
from mimetypes import guess_type
from pathlib import Path
from typing import BinaryIO, Final, Self
from urllib.parse import quote, unquote

MOST_ENTRIES: Final = 10_000
"""Names in the listing of a directory."""
HTML: Final = "text/html; charset=utf-8"


class Answer:
    """A status, fields, and a body that is a file or bytes. A context manager: it holds the file."""

    def __init__(
        self,
        status: int,
        body: bytes | BinaryIO = b"",
        kind: str = "text/plain; charset=utf-8",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.status: int = status
        self.reason: str = HTTPStatus(status).phrase
        self.headers: list[tuple[str, str]] = [("Content-Type", kind), *headers]
        self._body = body
        self.length: int = len(body) if isinstance(body, bytes) else os.fstat(body.fileno()).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not isinstance(self._body, bytes):
            self._body.close()

    def pieces(self, size: int) -> Iterator[bytes]:
        """The body, ``length`` bytes whatever happens to the file meanwhile. Raises ``OSError`` if it shrinks."""
        if isinstance(self._body, bytes):
            yield self._body
            return
        left = self.length
        while left:
            piece = self._body.read(min(size, left))
            if not piece:
                raise OSError("the file became shorter while it was sent")
            left -= len(piece)
            yield piece


class Site:
    """A directory tree. Symbolic links that lead out of it are not followed."""

    def __init__(self, root: Path) -> None:
        """Raises ``OSError`` when there is no such directory."""
        self.root: Path = root.resolve(strict=True)
        if not self.root.is_dir():
            raise NotADirectoryError(20, os.strerror(20), str(root))

    def answer(self, method: str, target: str) -> Answer:
        """What a request gets; ``target`` as it stood in the request."""
        if method not in ("GET", "HEAD"):
            return self.error(405, [("Allow", "GET, HEAD")])
        path = unquote(target.partition("?")[0])
        found = self._find(path)
        if found is None:
            return self.error(404)
        try:
            if not found.is_dir():
                return self._file(found)
            if not path.endswith("/"):
                return self.error(301, [("Location", quote(path.rpartition("/")[2]) + "/")])
            index = self._find(f"{path}index.html")
            return self._listing(found, path) if index is None or index.is_dir() else self._file(index)
        except PermissionError:
            return self.error(403)
        except OSError:
            return self.error(404)

    @staticmethod
    def error(status: int, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """A status and its name."""
        return Answer(status, f"{status} {HTTPStatus(status).phrase}\n".encode(), headers=headers)

    def _find(self, path: str) -> Path | None:
        """The file or directory that a path names, if it is there and within."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not path.startswith("/") or ".." in parts or "\0" in path:
            return None
        try:
            found = self.root.joinpath(*parts).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        inside = found.is_relative_to(self.root) and (found.is_dir() or found.is_file())
        return found if inside and not (path.endswith("/") and found.is_file()) else None

    def _file(self, path: Path) -> Answer:
        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            changed = formatdate(os.fstat(file.fileno()).st_mtime, usegmt=True)
            kind, encoding = guess_type(path.name)
            content = "application/octet-stream" if kind is None or encoding else kind
            answer = Answer(200, file, content, [("Last-Modified", changed)])
            stack.pop_all()
            return answer

    def _listing(self, directory: Path, path: str) -> Answer:
        """Names with links, directories first."""
        with os.scandir(directory) as entries:
            found = [(not entry.is_dir(), entry.name) for _, entry in zip(range(MOST_ENTRIES), entries, strict=False)]
        names = [f"{name}{'' if is_file else '/'}" for is_file, name in sorted(found)]
        if directory != self.root:
            names.insert(0, "../")
        items = "\n".join(f'<li><a href="./{quote(name)}">{html.escape(name)}</a></li>' for name in names)
        title = html.escape(path)
        head = f"<!DOCTYPE html>\n<meta charset=utf-8>\n<title>{title}</title>\n"
        page = f"{head}<h1>{title}</h1>\n<ul>\n{items}\n</ul>\n"
        return Answer(200, page.encode("utf-8", "surrogateescape"), HTML)
