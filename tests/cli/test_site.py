"""The files of a directory: what is there, what is not, and that nothing outside of it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from estab.cli.site import Answer, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "home").mkdir()
    (root / "home" / "index.html").write_text("<p>home")
    (root / "a.txt").write_text("a" * 1000)
    (root / "b.tar.gz").write_bytes(b"\x1f\x8b")
    (root / "sub" / "<&>.txt").write_text("odd")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root-and-more").mkdir()
    (root / "inside").symlink_to("a.txt")
    (root / "outside").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to("loop")
    return Site(root)


def body(answer: Answer) -> bytes:
    with answer:
        found = b"".join(answer.pieces(300))
    assert len(found) == answer.length
    return found


def fields(answer: Answer) -> dict[str, str]:
    with answer:
        return dict(answer.headers)


def test_a_file(site: Site) -> None:
    answer = site.answer("GET", "/a.txt")
    assert (answer.status, answer.reason) == (200, "OK")
    assert fields(answer)["Content-Type"] == "text/plain"
    assert body(site.answer("GET", "/a.txt?x=1")) == b"a" * 1000
    assert body(site.answer("GET", "/%61.txt")) == b"a" * 1000
    assert body(site.answer("GET", "/inside")) == b"a" * 1000
    assert fields(site.answer("GET", "/b.tar.gz"))["Content-Type"] == "application/octet-stream"


def test_a_listing_escapes_names(site: Site) -> None:
    answer = site.answer("GET", "/sub/")
    assert fields(answer)["Content-Type"] == "text/html; charset=utf-8"
    page = body(answer).decode()
    assert '<a href="./../">../</a>' in page
    assert page.index("deep/") < page.index("&lt;&amp;&gt;.txt")
    assert 'href="./%3C%26%3E.txt"' in page
    assert "<&>" not in page
    assert "../" not in body(site.answer("GET", "/")).decode()


def test_a_directory_has_its_slash_or_its_index(site: Site) -> None:
    answer = site.answer("GET", "/sub")
    assert (answer.status, fields(answer)["Location"]) == (301, "sub/")
    assert body(site.answer("GET", "/home/")) == b"<p>home"


@pytest.mark.parametrize(
    "target",
    [
        "/nothing",
        "/a.txt/",
        "/a.txt/more",
        "/../secret",
        "/sub/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/../root-and-more/",
        "/outside",
        "/loop",
        "/a%00.txt",
        "a.txt",
        "*",
        "",
        "/" + "x" * 5000,
    ],
)
def test_what_is_not_there(site: Site, target: str) -> None:
    assert site.answer("GET", target).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods(site: Site, method: str) -> None:
    answer = site.answer(method, "/a.txt")
    assert (answer.status, fields(answer)["Allow"]) == (405, "GET, HEAD")


def test_what_is_no_file_is_not_opened(site: Site) -> None:
    os.mkfifo(site.root / "pipe")
    assert site.answer("GET", "/pipe").status == 404


def test_a_file_that_shrinks_is_an_error(site: Site) -> None:
    with site.answer("GET", "/a.txt") as answer, pytest.raises(OSError, match="became shorter"):
        os.truncate(site.root / "a.txt", 10)
        list(answer.pieces(300))


def test_a_site_is_a_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Site(tmp_path / "nothing")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        Site(tmp_path / "file")
