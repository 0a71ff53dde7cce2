"""Opening: RFC 9293 §3.5, Figures 6 to 8, and the tables of §3.10.7.2 and §3.10.7.3."""

from tests.conversation import ACK, FIN, RST, SYN


def test_passive_open(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=1)
    assert t.state == "SYN-RECEIVED"
    t.inject(ACK, seq=1, ack=1)
    t.expect_nothing()
    assert t.state == "ESTABLISHED"


def test_active_open(talk):
    t = talk().established(active=True)
    assert t.state == "ESTABLISHED"
    t.expect_nothing()


def test_data_and_close(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    assert t.receive() == b"hello"
    t.send(b"world")
    t.expect(ACK, seq=1, ack=6, data=b"world")
    t.call("close")
    t.expect(FIN | ACK, seq=6, ack=6)
    t.inject(ACK, seq=6, ack=7)
    assert t.state == "FIN-WAIT-2"
    t.inject(FIN | ACK, seq=6, ack=7)
    t.expect(ACK, seq=7, ack=7)
    assert t.state == "TIME-WAIT"
    t.after(t.config.time_wait)
    assert t.state == "CLOSED"


def test_old_syn_ack_is_reset(talk):
    t = talk()
    t.open()
    t.expect(SYN, seq=0)
    t.inject(SYN | ACK, seq=0, ack=-9)
    t.expect(RST, seq=-9)
    assert t.state == "SYN-SENT"
