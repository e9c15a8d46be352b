"""Hosts and ports, as they are written together."""

from __future__ import annotations

import pytest

from common.addresses import join_host_port, split_host_port


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("kafka-0.kafka", 9092, "kafka-0.kafka:9092"),
        ("127.0.0.1", 1, "127.0.0.1:1"),
        ("::1", 9092, "[::1]:9092"),
        ("fe80::1%eth0", 9092, "[fe80::1%eth0]:9092"),
    ],
)
def test_an_ipv6_address_is_in_brackets(host: str, port: int, text: str) -> None:
    """What is written so is read so, whatever kind of address it is."""
    assert join_host_port(host, port) == text
    assert split_host_port(text) == (host, port)


@pytest.mark.parametrize("text", ["", "kafka", "kafka:", "[::1]"])
def test_a_host_alone_is_no_address(text: str) -> None:
    """Without a port nobody is found."""
    with pytest.raises(ValueError, match="invalid literal"):
        split_host_port(text)
