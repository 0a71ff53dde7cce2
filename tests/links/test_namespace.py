"""Network namespaces, made and entered inside one that the test has for itself."""

from __future__ import annotations

import os
import socket

import pytest

from estab.links.namespace import current_namespace, enter, inside, new_namespace
from estab.links.tun import TunLink
from tests.netns import isolated, isolated_with_tun


def inode(descriptor: int) -> int:
    """What tells namespaces apart."""
    return os.fstat(descriptor).st_ino


@isolated
def test_a_new_namespace_is_another_and_we_stay_where_we_are() -> None:
    home, made = current_namespace(), new_namespace()
    assert inode(made) != inode(home)
    with inside(made):
        assert inode(current_namespace()) == inode(made)
    assert inode(current_namespace()) == inode(home)


@isolated
def test_home_again_after_an_error() -> None:
    home, made = current_namespace(), new_namespace()
    with pytest.raises(ZeroDivisionError), inside(made):
        raise ZeroDivisionError
    assert inode(current_namespace()) == inode(home)


@isolated_with_tun
def test_a_device_lives_where_it_was_made() -> None:
    made = new_namespace()
    with inside(made):
        link = TunLink.create("elsewhere0", ["10.77.0.1/24"])
        assert "elsewhere0" in dict(socket.if_nameindex()).values()
    assert "elsewhere0" not in dict(socket.if_nameindex()).values()
    assert link.refresh_mtu() == 1500
    link.close()


@isolated
def test_what_is_no_namespace_is_refused() -> None:
    with open("/proc/self/stat", "rb") as file, pytest.raises(OSError, match="cannot enter"):
        enter(file.fileno())
