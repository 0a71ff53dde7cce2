"""What a socket does, without waiting: bind, connect, listen, accept, send, receive, shut down, options, poll mask."""

from estab.sockets.datagram import DatagramSocket
from estab.sockets.info import TcpInfo
from estab.sockets.options import Option
from estab.sockets.poll import Poll
from estab.sockets.socket import Socket
from estab.sockets.stream import Shutdown, StreamSocket
from estab.sockets.table import SocketTable

__all__ = ["DatagramSocket", "Option", "Poll", "Shutdown", "Socket", "SocketTable", "StreamSocket", "TcpInfo"]
