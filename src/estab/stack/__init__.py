"""One host: addresses, demultiplexing, listeners, ports, TIME-WAIT, ICMP, UDP, limits, and what ``netstat`` shows.

``stack.py`` has the verbs; everything that it is made of has a file of its own.
"""
