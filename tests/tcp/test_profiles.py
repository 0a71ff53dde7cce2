"""The profile ``rfc`` keeps every figure that a MUST or SHOULD names; the others say where they do not."""

import copy
import pickle

import pytest

from estab.tcp.config import MILLISECOND, MINUTE, MODERN, PROFILES, RFC, SECOND


@pytest.mark.req("RFC9293-MUST-13", "RFC9293-MUST-28", "RFC9293-SHLD-10", "RFC9293-SHLD-11", "RFC1122-06", "RFC6298-01")
def test_to_the_letter():
    assert RFC.rto_initial == SECOND  # RFC 6298 §2.1, RFC 8961 §4
    assert RFC.rto_minimum >= SECOND  # §2.4
    assert RFC.rto_maximum >= 60 * SECOND  # §2.5
    assert RFC.r1 >= 3  # RFC 9293 SHLD-10
    assert RFC.user_timeout >= 100 * SECOND  # SHLD-11
    assert RFC.delayed_ack < 500 * MILLISECOND  # MUST-40
    assert 100 * MILLISECOND <= RFC.sws_override <= SECOND  # §3.8.6.2.1
    assert not RFC.keepalive  # MUST-25
    assert RFC.keepalive_idle >= 120 * MINUTE  # MUST-28
    assert RFC.time_wait == 2 * RFC.msl == 4 * MINUTE  # MUST-13, §3.4.2
    assert RFC.rfc1337
    assert not RFC.nagle_minshall  # SHLD-7
    assert not RFC.open_fails_on_unreachable  # MUST-56
    assert RFC.fin_wait_2_timeout is None  # no such timer in RFC 9293
    assert RFC.initial_window == 10  # RFC 6928 §2
    assert RFC.slow_start_limit == 1  # RFC 5681 §3.1
    assert RFC.restart_after_idle  # §4.1
    assert RFC.duplicate_threshold == 3  # §3.2
    assert RFC.mtu_probe_interval >= 5 * MINUTE  # RFC 4821 §7.3


def test_what_modern_changes():
    changed = {
        name
        for name in MODERN.__dataclass_fields__
        if name != "profile" and getattr(MODERN, name) != getattr(RFC, name)
    }
    assert changed == {
        "rto_minimum",
        "syn_ack_retries",
        "delayed_ack",
        "nagle_minshall",
        "window_counts",
        "msl",
        "congestion",
        "slow_start_limit",
        "open_fails_on_unreachable",
        "fin_wait_2_timeout",
        "minimum_mss",
        "forget_sacks",
        "ecn",
    }


@pytest.mark.req("RFC5482-07", "RFC5482-08")
@pytest.mark.parametrize("config", [MODERN, RFC], ids=lambda config: config.profile)
def test_a_user_timeout_that_is_adopted_outlasts_any_timeout(config):
    """RFC 5482 §3.1: L_LIMIT is at least 100 s and more than the RTO."""
    assert config.user_timeout_lower >= 100 * SECOND
    assert config.user_timeout_lower > config.rto_maximum


def test_a_profile_is_known_by_its_name():
    assert all(config.profile == name for name, config in PROFILES.items())


@pytest.mark.parametrize("config", PROFILES.values(), ids=lambda config: config.profile)
def test_a_configuration_is_the_same_in_another_process(config):
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config.but(ttl=7)) == config.but(ttl=7) != config
