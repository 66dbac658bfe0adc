"""Parameters of the simulated venues: config/simulator.json and the environment, read once at start."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from simulator.errors import SettingsError
from simulator.fields import Fields, parse_decimal

KINDS = ("binance", "mexc")
ED25519_SIZE = 32
BINANCE_DIGITS = 8  # Binance carries every amount with 8 decimals; finer ones could not be settled exactly.


@dataclass(frozen=True)
class SymbolSettings:
    symbol: str
    base: str
    quote: str
    mid: Decimal
    tick: Decimal
    lot: Decimal
    min_notional: Decimal
    half_spread_bps: float
    size_usd: float


@dataclass(frozen=True)
class Limits:
    """Venue limits. Binance uses weight and orders; MEXC requests per endpoint."""

    weight_per_minute: int
    orders_per_10s: int
    orders_per_day: int
    requests_per_10s: int
    ban_after: int  # requests sent while limited that turn 429 into a 418 ban
    ban_s: float


@dataclass(frozen=True)
class Timers:
    """Seconds of the connection rules; the defaults are the venues' own."""

    ping_every_s: float
    pong_within_s: float
    no_subscription_s: float
    idle_s: float


@dataclass(frozen=True)
class VenueSettings:
    name: str
    kind: str
    port: int
    taker_fee_bps: Decimal
    maker_fee_bps: Decimal
    key: str
    secret: str
    ed25519_key: str  # '': the account has no such key
    ed25519_public_key: bytes  # 32, or none
    latency_ms: float
    balances: Mapping[str, Decimal]
    limits: Limits
    timers: Timers
    certificate_file: Path | None = None  # with key_file: the venue speaks TLS only; None: plain
    key_file: Path | None = None


@dataclass(frozen=True)
class MarketSettings:
    quotes_per_s: float
    volatility_bps_per_sqrt_s: float
    correlation: float
    mid_half_life_s: float
    basis_bps: float
    basis_half_life_s: float
    burst_every_s: float
    burst_length_s: float
    burst_quotes_per_s: float
    burst_volatility_x: float
    gap_every_s: float
    gap_bps: float
    gap_length_s: float


@dataclass(frozen=True)
class ReplaySettings:
    venues: Mapping[str, str] = field(default_factory=dict)  # venue in the file -> simulated venue
    symbols: Mapping[str, str] = field(default_factory=dict)  # symbol in the file -> simulated symbol
    hold_s: float = 2.0  # recorded quotes: how long one is repeated before its silence counts


@dataclass(frozen=True)
class Settings:
    seed: int
    control_port: int
    venues: tuple[VenueSettings, ...]
    symbols: tuple[SymbolSettings, ...]
    market: MarketSettings
    replay: ReplaySettings


@dataclass(frozen=True)
class Environment:
    """What the process takes from its environment; nothing else reads it."""

    config_file: Path
    state_dir: Path
    replay_file: str
    speed: str
    replay_map: str


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    env = os.environ if environ is None else environ
    home = Path(env.get("ARBDECK_HOME") or Path.home() / ".arbdeck")
    return Environment(
        config_file=Path(env.get("ARBDECK_CONFIG") or "config") / "simulator.json",
        state_dir=home / "venues",
        replay_file=env.get("REPLAY", ""),
        speed=env.get("SPEED", ""),
        replay_map=env.get("MAP", ""),
    )


def map_add(settings: Settings, text: str) -> Settings:
    """Adds "SOURCE=TARGET,..." to the replay maps: a target is a simulated venue or a configured symbol."""
    venues, symbols = dict(settings.replay.venues), dict(settings.replay.symbols)
    venue_names = [venue.name for venue in settings.venues]
    symbol_names = [symbol.symbol for symbol in settings.symbols]
    for pair in filter(None, text.split(",")):
        source, equals, target = (part.strip() for part in pair.partition("="))
        if source and equals and target in venue_names:
            venues[source] = target
        elif source and equals and target in symbol_names:
            symbols[source] = target
        else:
            allowed = f"NAME=TARGET,... with a target of {', '.join(venue_names + symbol_names)}"
            raise SettingsError("MAP", pair, allowed)
    replay = dataclasses.replace(settings.replay, venues=venues, symbols=symbols)
    return dataclasses.replace(settings, replay=replay)


def load_settings(path: Path) -> Settings:
    """Reads and checks the file whole; SettingsError names the field, its value and what is allowed."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError("configuration file", str(path), f"a readable file ({error.strerror})") from error
    except ValueError as error:
        raise SettingsError("configuration file", str(path), f"JSON ({error})") from error
    return parse_settings(data, path.parent)


def parse_settings(data: object, directory: Path = Path()) -> Settings:
    """`directory` is where relative paths in the file start."""
    top = Fields(data, "")
    seed = top.integer("seed", 0, 2**63 - 1)
    control_port = top.integer("control_port", 1, 65535)
    symbols = tuple(_symbol(Fields(row, f"symbols[{i}]")) for i, row in enumerate(top.rows("symbols")))
    venues = tuple(_venue(Fields(row, f"venues[{i}]"), directory) for i, row in enumerate(top.rows("venues")))
    market = parse_market(top.child("market"))
    replay = _replay(top.child("replay", {}))
    top.done()
    _check_together(control_port, venues, symbols)
    return Settings(seed, control_port, venues, symbols, market, replay)


def _symbol(fields: Fields) -> SymbolSettings:
    symbol = SymbolSettings(
        symbol=fields.text("symbol"),
        base=fields.text("base"),
        quote=fields.text("quote"),
        mid=fields.decimal("mid", "0.00000001", "100000000"),
        tick=fields.decimal("tick", "0.00000001", "1000"),
        lot=fields.decimal("lot", "0.00000001", "1000000"),
        min_notional=fields.decimal("min_notional", "0", "1000000"),
        half_spread_bps=fields.number("half_spread_bps", 0.0, 1000.0),
        size_usd=fields.number("size_usd", 1.0, 1e9),
    )
    fields.done()
    for name, step in (("tick", symbol.tick), ("lot", symbol.lot)):
        if step != Decimal(1).scaleb(step.adjusted()):
            raise SettingsError(fields.name(name), str(step), "a power of ten, such as 0.01")
    return symbol


def _venue(fields: Fields, directory: Path) -> VenueSettings:
    taker = fields.decimal("taker_fee_bps", "0", "1000")
    path = fields.name("balances")
    balances = {
        asset: parse_decimal(f"{path}.{asset}", amount, "0", "1000000000000")
        for asset, amount in fields.mapping("balances").items()
    }
    certificate_file, key_file = (_file(fields, key, directory) for key in ("certificate_file", "key_file"))
    if (certificate_file is None) != (key_file is None):
        missing = "certificate_file" if certificate_file is None else "key_file"
        raise SettingsError(fields.name(missing), None, "both certificate_file and key_file, or neither")
    ed25519_key, public_key = _ed25519(fields)
    venue = VenueSettings(
        name=fields.text("name"),
        kind=fields.text("kind", choices=KINDS),
        port=fields.integer("port", 1, 65535),
        taker_fee_bps=taker,
        maker_fee_bps=fields.decimal("maker_fee_bps", "0", "1000", str(taker)),
        key=fields.text("key"),
        secret=fields.text("secret"),
        ed25519_key=ed25519_key,
        ed25519_public_key=public_key,
        latency_ms=fields.number("latency_ms", 0.0, 60000.0),
        balances=balances,
        limits=_limits(fields.child("limits", {})),
        timers=_timers(fields.child("timers", {})),
        certificate_file=certificate_file,
        key_file=key_file,
    )
    fields.done()
    return venue


def _file(fields: Fields, key: str, directory: Path) -> Path | None:
    name = fields.text(key, "")
    path = directory / name
    if name and not path.is_file():
        raise SettingsError(fields.name(key), name, f"a file that is there (looked for {path})")
    return path if name else None


def _ed25519(fields: Fields) -> tuple[str, bytes]:
    """The second key of an account: its name, and the public key (base64 of its 32 bytes)."""
    if not fields.has("ed25519"):
        return "", b""
    pair = fields.child("ed25519")
    key, text = pair.text("key"), pair.text("public_key")
    pair.done()
    try:
        public_key = base64.b64decode(text, validate=True)
    except binascii.Error:
        public_key = b""
    if len(public_key) != ED25519_SIZE:
        raise SettingsError(pair.name("public_key"), text, f"base64 of the {ED25519_SIZE} bytes of a public key")
    return key, public_key


def _limits(fields: Fields) -> Limits:
    limits = Limits(
        weight_per_minute=fields.integer("weight_per_minute", 1, 10**9, 6000),
        orders_per_10s=fields.integer("orders_per_10s", 1, 10**9, 100),
        orders_per_day=fields.integer("orders_per_day", 1, 10**9, 200000),
        requests_per_10s=fields.integer("requests_per_10s", 1, 10**9, 500),
        ban_after=fields.integer("ban_after", 1, 10**9, 20),
        ban_s=fields.number("ban_s", 0.1, 3 * 86400, 120.0),
    )
    fields.done()
    return limits


def _timers(fields: Fields) -> Timers:
    timers = Timers(
        ping_every_s=fields.number("ping_every_s", 0.05, 3600, 20.0),
        pong_within_s=fields.number("pong_within_s", 0.05, 3600, 60.0),
        no_subscription_s=fields.number("no_subscription_s", 0.05, 3600, 30.0),
        idle_s=fields.number("idle_s", 0.05, 3600, 60.0),
    )
    fields.done()
    return timers


def parse_market(fields: Fields, now: MarketSettings | None = None) -> MarketSettings:
    """Reads the market's parameters; with `now`, fields that are absent keep their present value."""

    def number(key: str, low: float, high: float, default: float | None = None) -> float:
        return fields.number(key, low, high, getattr(now, key) if now is not None else default)

    market = MarketSettings(
        quotes_per_s=number("quotes_per_s", 0.1, 1000.0),
        volatility_bps_per_sqrt_s=number("volatility_bps_per_sqrt_s", 0.0, 100.0),
        correlation=number("correlation", 0.0, 1.0),
        mid_half_life_s=number("mid_half_life_s", 1.0, 1e9, 3600.0),
        basis_bps=number("basis_bps", 0.0, 1000.0),
        basis_half_life_s=number("basis_half_life_s", 0.01, 1e6),
        burst_every_s=number("burst_every_s", 0.1, 1e9),
        burst_length_s=number("burst_length_s", 0.0, 3600.0),
        burst_quotes_per_s=number("burst_quotes_per_s", 1.0, 1000.0),
        burst_volatility_x=number("burst_volatility_x", 0.0, 100.0, 2.0),
        gap_every_s=number("gap_every_s", 0.001, 1e9),
        gap_bps=number("gap_bps", 0.0, 2000.0),
        gap_length_s=number("gap_length_s", 0.01, 3600.0),
    )
    fields.done()
    return market


def _replay(fields: Fields) -> ReplaySettings:
    def texts(key: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in fields.mapping(key).items():
            if not isinstance(value, str):
                raise SettingsError(f"{fields.name(key)}.{name}", value, "a text")
            found[name] = value
        return found

    replay = ReplaySettings(texts("map"), texts("symbols"), fields.number("hold_s", 0.01, 86400, 2.0))
    fields.done()
    return replay


def _check_together(
    control: int, venues: tuple[VenueSettings, ...], symbols: tuple[SymbolSettings, ...]
) -> None:
    ports = {control}
    names: set[str] = set()
    for i, venue in enumerate(venues):
        if venue.port in ports:
            raise SettingsError(f"venues[{i}].port", venue.port, "a port that nothing else here uses")
        if venue.name in names:
            raise SettingsError(f"venues[{i}].name", venue.name, "a name that no other venue has")
        ports.add(venue.port)
        names.add(venue.name)
    seen: set[str] = set()
    binance = any(venue.kind == "binance" for venue in venues)
    for i, symbol in enumerate(symbols):
        if symbol.symbol in seen:
            raise SettingsError(f"symbols[{i}].symbol", symbol.symbol, "a symbol that is not listed twice")
        seen.add(symbol.symbol)
        digits = -(symbol.tick.adjusted() + symbol.lot.adjusted())
        if binance and digits > BINANCE_DIGITS:
            raise SettingsError(
                f"symbols[{i}].lot", str(symbol.lot), f"tick times lot with {BINANCE_DIGITS} decimals at most"
            )
