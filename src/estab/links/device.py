"""Opening /dev/net/tun (tun(4), Documentation/networking/tuntap.rst), and saying in one line why it cannot be had."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from estab.links import vnet
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD, Offload

DEVICE: Final = "/dev/net/tun"
LONGEST_NAME: Final = 15
"""Bytes: IFNAMSIZ without the final zero."""

# The ioctl numbers of x86, ARM and RISC-V.
TUNSETIFF: Final = 0x400454CA
TUNSETPERSIST: Final = 0x400454CB
TUNSETOFFLOAD: Final = 0x400454D0
TUNSETVNETHDRSZ: Final = 0x400454D8
TUNSETVNETLE: Final = 0x400454DC
IFF_TUN: Final = 0x0001
IFF_MULTI_QUEUE: Final = 0x0100
IFF_NO_PI: Final = 0x1000
IFF_VNET_HDR: Final = 0x4000
TUN_F_CSUM: Final = 0x01
TUN_F_TSO4: Final = 0x02
TUN_F_TSO6: Final = 0x04
TUN_F_TSO_ECN: Final = 0x08
TUN_F_USO4: Final = 0x20
TUN_F_USO6: Final = 0x40
_SEGMENTS: Final = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN
_DATAGRAMS: Final = _SEGMENTS | TUN_F_USO4 | TUN_F_USO6

_PREFERENCES: Final = (
    (_DATAGRAMS, FULL_OFFLOAD),
    (_SEGMENTS, FULL_OFFLOAD._replace(datagrams_out=False, datagrams_in=False)),
)

_IFREQ: Final = struct.Struct("=16sHH20x")
_INT: Final = struct.Struct("=i")

ROOT_HINT: Final = "run as root, or in a namespace of your own: unshare -Urn"
DEVICE_REMEDIES: Final = {
    errno.ENOENT: "load the driver: modprobe tun (in a container: start it with --device /dev/net/tun)",
    errno.ENODEV: "load the driver: modprobe tun",
    errno.ENXIO: "load the driver: modprobe tun",
    errno.EACCES: "let this user open it: chmod 666 /dev/net/tun, or run as root",
    errno.EPERM: "in a container: start it with --device /dev/net/tun",
}
INTERFACE_REMEDIES: Final = {
    errno.EPERM: f"{ROOT_HINT}; or attach to one made with: ip tuntap add dev NAME mode tun user $USER",
    errno.EBUSY: "another process has it: end that process or choose another name",
    errno.EINVAL: "an interface of that name exists and is no such device: choose another name",
}
CONFIGURE_REMEDIES: Final = {
    errno.EPERM: f"{ROOT_HINT}; or attach to a device that is up already",
    errno.EACCES: "allow IPv6: sysctl net.ipv6.conf.all.disable_ipv6=0",
    errno.EOPNOTSUPP: "this kernel has no IPv6: give IPv4 addresses only",
    errno.EINVAL: "the kernel does not accept the value",
    errno.ERANGE: "the kernel does not accept the value",
}


class TunError(OSError):
    """A device that cannot be had: ``errno``, and one line that says what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


def open_device(name: str, extra_flags: Iterable[int]) -> tuple[int, str]:
    """A descriptor attached to the device ``name``, and the name that the kernel gave it.

    The kernel wants the device's own choice of ``IFF_MULTI_QUEUE``, so each of ``extra_flags`` is tried."""
    check_name(name)
    try:
        fd = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise refusal(error, f"cannot open {DEVICE}", DEVICE_REMEDIES) from error
    last = OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    for extra in extra_flags:
        request = _IFREQ.pack(name.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | extra, 0)
        try:
            reply = fcntl.ioctl(fd, TUNSETIFF, request)
        except OSError as error:
            last = error
            if error.errno == errno.EINVAL:
                continue
            break
        return fd, _IFREQ.unpack(reply)[0].rstrip(b"\0").decode()
    os.close(fd)
    raise refusal(last, f"cannot have the TUN device {name}".rstrip(), INTERFACE_REMEDIES)


def set_offload(fd: int, name: str, wanted: bool) -> Offload:
    """Settle the header's layout and what the kernel may leave undone; a kernel that cannot is asked for less.

    Datagrams are cut and joined since Linux 6.2."""
    try:
        fcntl.ioctl(fd, TUNSETVNETHDRSZ, _INT.pack(vnet.VNET_HEADER))
        fcntl.ioctl(fd, TUNSETVNETLE, _INT.pack(1))
    except OSError as error:
        raise refusal(error, f"cannot use {name} with packet headers (IFF_VNET_HDR)") from error
    for flags, offload in _PREFERENCES if wanted else ():
        with suppress(OSError):
            fcntl.ioctl(fd, TUNSETOFFLOAD, flags)
            return offload
    try:
        fcntl.ioctl(fd, TUNSETOFFLOAD, 0)
    except OSError as error:
        raise refusal(error, f"cannot set what {name} offloads") from error
    return NO_OFFLOAD


def check_name(name: str) -> None:
    if len(name.encode()) > LONGEST_NAME or any(character.isspace() or character in "/:%\0" for character in name):
        raise ValueError(f"{name!r} is no name for an interface: at most {LONGEST_NAME} bytes, no space, '/', ':', '%'")


def refusal(error: OSError, what: str, remedies: Mapping[int, str] = CONFIGURE_REMEDIES) -> TunError:
    """The one clear line: what failed, why, and what to do."""
    code = error.errno or errno.EIO
    remedy = remedies.get(code)
    line = f"{what}: {os.strerror(code)}"
    return TunError(code, f"{line} ({remedy})" if remedy else line)
