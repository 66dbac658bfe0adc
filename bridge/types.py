"""What the bridge hands out: immutable records, copied out of shared memory, in a person's units.

Money is float USD (quote currency, for people and charts; exact integers are in the raw records), prices and
quantities are float in quote and base units, edges are bps, ages and latencies say their unit in the name.
Times are Unix epoch nanoseconds, UTC. `None` is "not known", never 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any


class Record(Mapping[str, Any]):
    """Base of the flat records: fields by attribute and by ``record["name"]``."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        if key not in self.__dataclass_fields__:  # type: ignore[attr-defined]
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(field.name for field in fields(self))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(fields(self))  # type: ignore[arg-type]

    def __contains__(self, key: object) -> bool:
        return key in self.__dataclass_fields__  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Identity(Record):
    instance: str
    mode: str  # "SIM", "PAPER", "LIVE"
    generation: int
    pid: int
    version: str
    abi_hash: str  # 16 hex digits
    started_ns: int
    config_dir: str
    thread_layout: str  # "ONE": prices cross no ring; "RECEIVERS": they cross SPSC rings to the deciding thread
    receive_threads: int
    detect_kernel: str  # "SCALAR", "AVX2", "AVX512"
    busy_poll: bool  # the hot thread spins instead of waiting in the kernel


@dataclass(frozen=True, eq=False)
class Status(Record):
    state: str  # "STARTING", "HALTED", "REDUCING", "ACTIVE", "KILLED"
    state_reason: str
    state_since_ns: int
    actor: str
    state_version: int
    config_version: int
    config_hash: str  # 64 hex digits: SHA-256 of strategies.json
    engine_config_hash: str
    heartbeat_count: int
    heartbeat_ns: int
    heartbeat_age_s: float
    journal_seq: int
    journal_disk_seq: int
    alarm_count: int
    recording: bool
    open_pairs: int
    recovery_s: float | None
    killed_ns: int | None
    kill_to_silence_ms: float | None
    loop_longest_us: float
    stall_total_ms: float  # lost to turns of the hot loop over the stall limit
    quote_handover_full: int  # layout RECEIVERS: quotes replaced by newer ones because a ring was full
    host_gap_us: float  # largest gap between two looks at the clock with nothing to do: what the host takes away
    tsc_khz: int | None  # rate of the processor's counter; None: the engine asks the kernel for the time


@dataclass(frozen=True, eq=False)
class VenueStatus(Record):
    name: str
    kind: str
    endpoint: str
    state: str  # "UP", "STALE", "DOWN", "OFF", "QUARANTINED"
    reason: str
    state_since_ns: int
    feed_up: bool
    orders_up: bool
    user_up: bool
    messages: int
    quotes: int
    rejected: int
    gaps: int
    reconnects: int
    data_age_s: float | None  # since the last quote of any symbol
    frame_age_s: float | None  # since the last frame of any kind
    clock_offset_ms: float | None
    clock_rtt_ms: float | None
    ack_p50_us: float | None
    ack_p99_us: float | None
    rate_used: int
    rate_limit: int | None
    orders_sent: int
    orders_unknown: int
    taker_fee_bps: float
    feed_connections_up: int
    feed_connections: int  # that the symbols of this venue need
    tls: bool  # of the feed


@dataclass(frozen=True, eq=False)
class Quote(Record):
    venue: str
    symbol: str
    bid: float | None
    bid_qty: float | None
    ask: float | None
    ask_qty: float | None
    age_s: float | None
    venue_seq: int
    count: int
    crossed: bool


@dataclass(frozen=True, eq=False)
class StrategyStatus(Record):
    name: str
    kind: str
    state: str  # "RUNNING", "PAUSED", "STOPPED", "DISABLED"
    reason: str
    state_since_ns: int
    seen: int
    taken: int
    refused: int
    wins: int
    losses: int
    trading_pnl_usd: float
    fees_usd: float
    volume_usd: float
    refused_by: dict[str, int]  # refusal name -> episodes
    best_net_bps: float | None
    best_gross_bps: float | None
    best_need_bps: float | None
    best_symbol: str | None
    best_buy_venue: str | None
    best_sell_venue: str | None


@dataclass(frozen=True, eq=False)
class Pnl(Record):
    trading_usd: float
    today_usd: float
    holding_usd: float
    fees_usd: float
    hedge_cost_usd: float
    equity_usd: float
    start_equity_usd: float
    peak_usd: float
    drawdown_usd: float
    volume_usd: float
    capital_in_use_usd: float
    unhedged_usd: float
    unhedged_since_ns: int | None
    marked_ns: int | None
    trades: int
    wins: int
    losses: int


@dataclass(frozen=True, eq=False)
class RiskControl(Record):
    name: str  # name of enum abi_refusal without its prefix, e.g. "QUOTE_AGE"
    code: int
    value: int  # raw units, see enum abi_refusal in abi.h
    limit: int
    denied: int


@dataclass(frozen=True, eq=False)
class Exposure(Record):
    pair_id: int
    symbol: str
    buy_venue: str
    sell_venue: str
    state: str
    residual_qty: float
    value_usd: float
    since_ns: int
    cost_complete_usd: float
    cost_unwind_usd: float
    hedges: int


@dataclass(frozen=True, eq=False)
class Alarm(Record):
    id: int
    severity: str  # "ATTENTION", "CRITICAL"
    code: str
    text: str
    raised_ns: int
    acked_ns: int | None
    count: int


@dataclass(frozen=True, eq=False)
class Balance(Record):
    venue: str
    asset: str
    total: float
    reserved: float
    venue_total: float | None
    venue_ns: int | None
    total_e8: int
    frac_e19: int


@dataclass(frozen=True, eq=False)
class Latency(Record):
    """Percentiles of one stage since start, in microseconds; None while there is no sample."""

    stage: str  # "TICK_TO_ORDER", ..., "ACK_<venue name>"
    count: int
    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    p999_us: float | None
    max_us: float | None


@dataclass(frozen=True, eq=False)
class Opportunity(Record):
    id: int
    symbol: str
    strategy: str
    buy_venue: str
    sell_venue: str
    first_ns: int
    last_ns: int
    gross_bps: float
    net_bps: float
    buy_price: float
    sell_price: float
    qty: float
    notional_usd: float
    quotes: int
    outcome: str  # "REFUSED", "SENT", "BOTH", "PARTIAL", "ONE_LEG", "MISSED", "UNKNOWN"
    refusal: str | None  # name of enum abi_refusal
    value: int
    limit: int
    reason: str  # one sentence: what, value, limit
    pnl_usd: float | None
    pair_id: int | None


@dataclass(frozen=True, eq=False)
class Order(Record):
    id: int
    pair_id: int
    client_id: str
    venue_order_id: str
    symbol: str
    venue: str
    side: str  # "BUY", "SELL"
    leg: int  # 0 buy leg, 1 sell leg, 2.. hedges
    state: str
    price: float
    qty: float
    filled_qty: float
    filled_quote: float
    fee: float
    fee_asset: str
    sent_ns: int
    answered_ns: int | None
    final_ns: int | None
    reason: str


@dataclass(frozen=True, eq=False)
class Fill(Record):
    id: int
    pair_id: int
    client_id: str
    trade_id: str
    symbol: str
    venue: str
    side: str
    leg: int
    price: float
    qty: float
    quote: float
    fee: float
    fee_asset: str
    time_ns: int


@dataclass(frozen=True, eq=False)
class PnlSample(Record):
    time_ns: int
    trading_usd: float
    holding_usd: float
    fees_usd: float
    unhedged_usd: float
    equity_usd: float
    trades: int


@dataclass(frozen=True)
class Snapshot:
    """One consistent-per-block copy of everything a live page shows."""

    taken_ns: int
    identity: Identity
    status: Status
    counters: dict[str, int]  # lower-case names of enum abi_counter
    refused: dict[str, int]  # refusal name -> episodes
    pnl: Pnl
    venues: tuple[VenueStatus, ...]
    strategies: tuple[StrategyStatus, ...]
    quotes: Sequence[Quote]  # built when looked at
    balances: Sequence[Balance]
    risk: tuple[RiskControl, ...]
    exposures: tuple[Exposure, ...]
    alarms: tuple[Alarm, ...]
    latency: tuple[Latency, ...]
    block_age_s: float = 0.0  # > 0: a block could not be read afresh; age of its last good copy


@dataclass(frozen=True, eq=False)
class Stats(Record):
    """The flat figures of ``bridge.get_stats()``."""

    mode: str
    state: str
    age_s: float
    opportunities_detected: int
    opportunities_taken: int
    opportunities_refused: int
    trades: int
    wins: int
    losses: int
    win_rate: float | None  # fraction
    total_profit_usd: float  # trading P&L after fees, since the books were opened
    today_profit_usd: float
    holding_pnl_usd: float
    fees_usd: float
    volume_usd: float
    equity_usd: float
    unhedged_usd: float
    orders: int
    fills: int
    rejects: int
    unknown_orders: int
    messages: int
    quotes: int
    p50_latency_us: float | None  # tick to order
    p99_latency_us: float | None
    p999_latency_us: float | None
    config_hash: str
    state_version: int


@dataclass(frozen=True, eq=False)
class Health(Record):
    ok: bool
    state: str  # a state word of design 4.4, DOWN included
    reason: str  # "" when ok
    age_s: float | None
    instance: str
    mode: str | None
    generation: int | None


@dataclass(frozen=True)
class Performance:
    """Rates over the last seconds and percentiles since start."""

    window_s: float
    messages_per_s: float | None
    quotes_per_s: float | None
    orders_per_s: float | None
    fills_per_s: float | None
    opportunities_per_s: float | None
    latency: tuple[Latency, ...]
    loop_longest_us: float
    loop_stalls: int


@dataclass(frozen=True, eq=False)
class CommandAnswer(Record):
    id: str
    status: str  # "done", "accepted"
    code: str
    message: str
    data: dict[str, Any]
    config_hash: str
    state_version: int


@dataclass(frozen=True, eq=False)
class StrategyConfig(Record):
    """One strategy as strategies.json on disk says."""

    name: str
    kind: str
    enabled: bool
    symbols: tuple[str, ...]  # empty: all
    params: dict[str, Any]


@dataclass(frozen=True, eq=False)
class StrategiesFile(Record):
    """strategies.json on disk, and whether the engine runs on these very bytes."""

    path: str
    strategies: tuple[StrategyConfig, ...]  # empty when error is set
    file_hash: str | None  # 64 hex digits: SHA-256 of the file; None: not readable
    config_hash: str  # what the engine runs on
    file_differs: bool  # True: edited by hand since; `reload` applies it
    error: str | None  # why the file cannot be read
