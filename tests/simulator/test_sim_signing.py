"""Protects the signature check with the venues' own published vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.signing import check_time, query_payload, signature, signature_matches, sorted_payload

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def test_binance_ws_parameters_are_sorted_and_signed_as_documented() -> None:
    params: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "recvWindow": 100,
        "timestamp": 1645423376532,
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        "signature": "not part of it",
    }
    expected = "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
    assert signature(SECRET, sorted_payload(params)) == expected


def test_query_and_body_are_joined_by_nothing() -> None:
    secret = "45d0b3c26f2644f19bfb98b07741b2f5"
    payload = query_payload(
        "symbol=BTCUSDT&side=BUY&type=LIMIT",
        "quantity=1&price=11&recvWindow=5000&timestamp=1644489390087&signature=x",
    )
    assert signature(secret, payload) == "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"


def test_every_published_hmac_vector_of_both_venues_verifies(shared: Path) -> None:
    vectors = json.loads((shared / "venues" / "payloads" / "signing" / "vectors.json").read_text())
    used = [
        v for v in vectors if v["name"].startswith(("binance", "mexc")) and v["alg"].startswith("HMAC-SHA256")
    ]
    assert len(used) == 6
    for vector in used:
        assert signature_matches(vector["secret"], vector["payload"], vector["signature"])
        assert not signature_matches(vector["secret"], vector["payload"], vector["signature"].upper())
        assert not signature_matches(vector["secret"], vector["payload"] + " ", vector["signature"])


@pytest.mark.parametrize(
    ("timestamp", "window", "verdict"),
    [
        (1_000_000, None, ""),
        (995_000, None, ""),
        (994_999, None, "late"),
        (1_000_999, None, ""),
        (1_001_000, None, "ahead"),
        (999_000, "999.5", "late"),
        (1_000_000, 60001, "recvWindow"),
        ("abc", None, "timestamp"),
        ("NaN", None, "timestamp"),
        (1_000_000, "x", "recvWindow"),
    ],
)
def test_time_window_is_exact(timestamp: object, window: object, verdict: str) -> None:
    assert check_time(timestamp, window, 1_000_000) == verdict


def test_microsecond_stamps_are_understood() -> None:
    now_ms = 1_700_000_000_000
    assert check_time(now_ms * 1000, 1000, now_ms) == ""
    assert check_time((now_ms - 2000) * 1000, 1000, now_ms) == "late"


def test_committed_samples_are_those_of_the_payload_corpus(shared: Path) -> None:
    samples = json.loads((Path(__file__).parent / "samples.json").read_text())
    for name, value in samples.items():
        text = (shared / "venues" / "payloads" / name).read_text()
        assert (json.loads(text) if name.endswith(".json") else text.strip()) == value
