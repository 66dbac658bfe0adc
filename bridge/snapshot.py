"""Builds the records of `types` from the latched blocks and histograms of one segment."""

from __future__ import annotations

import time
from typing import Any

from .errors import EngineDown
from .histogram import percentiles_ns
from .layout import abi_labels, abi_layout, label_of
from .market import BalanceRows, Pages, Paging, QuoteRows, age_s, balances_paging, book_paging, or_none
from .segment import Segment
from .tables import BPS_E4, E8, Tables
from .types import (
    Alarm,
    Exposure,
    Identity,
    Latency,
    Pnl,
    RiskControl,
    Snapshot,
    Stats,
    Status,
    StrategyStatus,
    VenueStatus,
)

SHARES = (0.5, 0.9, 0.99, 0.999)
_INT64_MIN = -(2**63)
_NO_EXPOSURE = 0


class BlockReader:
    """Reads and decodes blocks, and notes the age of the oldest copy it had to fall back on."""

    def __init__(self, segment: Segment, tables: Tables) -> None:
        self.segment = segment
        self.tables = tables
        self.oldest_ns = 0

    def data(self, name: str, index: int = 0) -> bytes | None:
        found = self.segment.block(name, index)
        if found is None:
            return None
        self.oldest_ns = max(self.oldest_ns, found[1])
        return found[0]

    def record(self, name: str, index: int = 0) -> dict[str, Any]:
        """Fields of a block that the engine publishes before it is ready; EngineDown when it has not yet."""
        data = self.data(name, index)
        if data is None:
            raise EngineDown(self.segment.instance, f"starting: it has not published {name} yet")
        return abi_layout().decoder(f"abi_{name}").unpack(data)

    def pages(self, name: str, paging: Paging, count: int) -> Pages:
        """Per venue, the pages that hold `count` things; None for a page that was never written."""
        used = paging.used(count)
        return [
            [self.data(name, venue * paging.count + page) for page in range(used)]
            for venue in range(len(self.tables.venues))
        ]

    def items(self, name: str, item: str, count: int, index: int = 0) -> list[dict[str, Any]]:
        """Rows of a block that is one array; none when it was never written."""
        data = self.data(name, index)
        return [] if data is None else abi_layout().decoder(item).unpack_array(data, count)


def identity(segment: Segment) -> Identity:
    header = segment.header
    return Identity(
        instance=header["instance"],
        mode=label_of(abi_labels("abi_mode", "ABI_MODE_"), header["mode"]),
        generation=header["generation"],
        pid=header["pid"],
        version=header["version"],
        abi_hash=f"{header['abi_hash']:016x}",
        started_ns=header["start_wall_ns"],
        config_dir=header["config_dir"],
        thread_layout=label_of(abi_labels("abi_thread_layout", "ABI_LAYOUT_"), header["thread_layout"]),
        receive_threads=header["receive_threads"],
        detect_kernel=label_of(abi_labels("abi_detect_kernel", "ABI_DETECT_"), header["detect_kernel"]),
        busy_poll=bool(header["busy_poll"]),
    )


def status(reader: BlockReader, heartbeat_age_s: float) -> Status:
    row = reader.record("status")
    silence_ns = row["kill_to_silence_ns"]
    return Status(
        state=label_of(abi_labels("abi_state", "ABI_STATE_"), row["trading_state"]),
        state_reason=row["state_reason"],
        state_since_ns=row["state_since_wall_ns"],
        actor=row["actor"],
        state_version=row["state_version"],
        config_version=row["config_version"],
        config_hash=row["config_hash"].hex(),
        engine_config_hash=row["engine_config_hash"].hex(),
        heartbeat_count=row["heartbeat_count"],
        heartbeat_ns=row["heartbeat_wall_ns"],
        heartbeat_age_s=heartbeat_age_s,
        journal_seq=row["journal_seq"],
        journal_disk_seq=row["journal_disk_seq"],
        alarm_count=row["alarm_count"],
        recording=row["recording"] == 1,
        open_pairs=row["open_pairs"],
        recovery_s=None if row["recovery_ns"] == 0 else row["recovery_ns"] / 1e9,
        killed_ns=or_none(row["killed_wall_ns"]),
        # Before the first kill the engine may leave 0 or -1 here: neither is a measured time.
        kill_to_silence_ms=None if silence_ns < 0 or row["killed_wall_ns"] == 0 else silence_ns / 1e6,
        loop_longest_us=row["loop_longest_ns"] / 1e3,
        stall_total_ms=row["stall_total_ns"] / 1e6,
        quote_handover_full=row["quote_handover_full"],
        host_gap_us=row["host_gap_ns"] / 1e3,
        tsc_khz=or_none(row["tsc_khz"]),
    )


def counters(reader: BlockReader) -> tuple[dict[str, int], dict[str, int]]:
    """(counters by lower-case name, refused episodes by refusal name)."""
    row = reader.record("counters")
    return (
        {name.lower(): row["value"][index] for index, name in abi_labels("abi_counter", "ABI_COUNTER_").items()},
        _refused(row["refused"]),
    )


def _refused(values: tuple[int, ...]) -> dict[str, int]:
    labels = abi_labels("abi_refusal", "ABI_REFUSAL_")
    return {label_of(labels, code): count for code, count in enumerate(values) if count and code}


def pnl(reader: BlockReader) -> Pnl:
    row = reader.record("pnl")
    return Pnl(
        trading_usd=row["trading_pnl_e8"] / E8,
        today_usd=row["trading_today_e8"] / E8,
        holding_usd=row["holding_pnl_e8"] / E8,
        fees_usd=row["fees_e8"] / E8,
        hedge_cost_usd=row["hedge_cost_e8"] / E8,
        equity_usd=row["equity_e8"] / E8,
        start_equity_usd=row["start_equity_e8"] / E8,
        peak_usd=row["peak_e8"] / E8,
        drawdown_usd=row["drawdown_e8"] / E8,
        volume_usd=row["volume_e8"] / E8,
        capital_in_use_usd=row["capital_in_use_e8"] / E8,
        unhedged_usd=row["unhedged_e8"] / E8,
        unhedged_since_ns=or_none(row["unhedged_since_wall_ns"]),
        marked_ns=or_none(row["marked_wall_ns"]),
        trades=row["trades"],
        wins=row["wins"],
        losses=row["losses"],
    )


def stage_names(tables: Tables) -> dict[str, int]:
    """Name of each latency stage and its index: the fixed ones, then acknowledgement and fill of each venue."""
    of_venue = {"ACK_VENUE0": "ACK", "FILL_VENUE0": "FILL"}
    labels = {label: index for index, label in abi_labels("abi_stage", "ABI_STAGE_").items()}
    found = {label: index for label, index in labels.items() if label not in of_venue}
    for label, name in of_venue.items():
        found |= {f"{name}_{venue.name}": labels[label] + index for index, venue in enumerate(tables.venues)}
    return found


def latency(reader: BlockReader) -> tuple[Latency, ...]:
    stages = stage_names(reader.tables)
    buckets = reader.segment.histograms(0, max(stages.values()) + 1)
    counts, values = percentiles_ns(buckets[list(stages.values())], SHARES)
    rows = zip(stages, counts.tolist(), (values / 1e3).tolist(), strict=True)
    return tuple(Latency(name, count, *(row if count else (None,) * 5)) for name, count, row in rows)


def venues(reader: BlockReader, acks: dict[str, Latency], now_mono_ns: int) -> tuple[VenueStatus, ...]:
    return tuple(_venue(reader, index, acks, now_mono_ns) for index in range(len(reader.tables.venues)))


def _venue(reader: BlockReader, index: int, acks: dict[str, Latency], now_mono_ns: int) -> VenueStatus:
    info, row = reader.tables.venues[index], reader.record("venue", index)
    ack = acks[f"ACK_{info.name}"]
    measured = row["clock_rtt_ns"] != 0
    return VenueStatus(
        name=info.name,
        kind=info.kind,
        endpoint=info.endpoint,
        state=label_of(abi_labels("abi_venue_state", "ABI_VENUE_"), row["state"]),
        reason=row["reason"],
        state_since_ns=row["state_since_wall_ns"],
        feed_up=row["feed_up"] == 1,
        orders_up=row["orders_up"] == 1,
        user_up=row["user_up"] == 1,
        messages=row["messages"],
        quotes=row["quotes"],
        rejected=row["rejected"],
        gaps=row["gaps"],
        reconnects=row["reconnects"],
        data_age_s=age_s(row["data_mono_ns"], now_mono_ns),
        frame_age_s=age_s(row["frame_mono_ns"], now_mono_ns),
        clock_offset_ms=row["clock_offset_ns"] / 1e6 if measured else None,
        clock_rtt_ms=row["clock_rtt_ns"] / 1e6 if measured else None,
        ack_p50_us=ack.p50_us,
        ack_p99_us=ack.p99_us,
        rate_used=row["rate_used"],
        rate_limit=or_none(row["rate_limit"]),
        orders_sent=row["orders_sent"],
        orders_unknown=row["orders_unknown"],
        taker_fee_bps=info.taker_fee_bps,
        feed_connections_up=row["feed_connections_up"],
        feed_connections=row["feed_connections"],
        tls=row["tls"] == 1,
    )


def strategies(reader: BlockReader) -> tuple[StrategyStatus, ...]:
    return tuple(_strategy(reader, index) for index in range(len(reader.tables.strategies)))


def _strategy(reader: BlockReader, index: int) -> StrategyStatus:
    tables, row = reader.tables, reader.record("strategy", index)
    info = tables.strategies[index]
    known = row["best_net_bps_e4"] != _INT64_MIN
    return StrategyStatus(
        name=info.name,
        kind=info.kind,
        state=label_of(abi_labels("abi_strategy_state", "ABI_STRATEGY_"), row["state"]),
        reason=row["reason"],
        state_since_ns=row["state_since_wall_ns"],
        seen=row["seen"],
        taken=row["taken"],
        refused=row["refused"],
        wins=row["wins"],
        losses=row["losses"],
        trading_pnl_usd=row["trading_pnl_e8"] / E8,
        fees_usd=row["fees_e8"] / E8,
        volume_usd=row["volume_e8"] / E8,
        refused_by=_refused(row["refused_by"]),
        best_net_bps=row["best_net_bps_e4"] / BPS_E4 if known else None,
        best_gross_bps=row["best_gross_bps_e4"] / BPS_E4 if known else None,
        best_need_bps=row["best_need_bps_e4"] / BPS_E4 if known else None,
        best_symbol=tables.symbol(row["best_symbol"]).name if known else None,
        best_buy_venue=tables.venue_name(row["best_buy_venue"]) if known else None,
        best_sell_venue=tables.venue_name(row["best_sell_venue"]) if known else None,
    )


def quotes(reader: BlockReader, now_mono_ns: int) -> QuoteRows:
    """One per venue and symbol traded there."""
    tables, paging = reader.tables, book_paging()
    return QuoteRows(tables, reader.pages("book", paging, len(tables.symbols)), now_mono_ns)


def balances(reader: BlockReader) -> BalanceRows:
    """One per venue and asset of the tables."""
    tables, paging = reader.tables, balances_paging()
    return BalanceRows(tables, reader.pages("balances", paging, len(tables.assets)))


def risk(reader: BlockReader) -> tuple[RiskControl, ...]:
    labels = abi_labels("abi_refusal", "ABI_REFUSAL_")
    rows = reader.items("risk", "abi_risk_control", max(labels) + 1)
    return tuple(
        RiskControl(labels[code], code, row["value"], row["limit"], row["denied"])
        for code, row in enumerate(rows)
        if code and code in labels
    )


def exposures(reader: BlockReader) -> tuple[Exposure, ...]:
    tables, labels = reader.tables, abi_labels("abi_exposure_state", "ABI_EXPOSURE_")
    rows = reader.items("exposures", "abi_exposure", abi_layout().constants["ABI_EXPOSURE_MAX"])
    return tuple(
        Exposure(
            pair_id=row["pair_id"],
            symbol=tables.symbol(row["symbol"]).name,
            buy_venue=tables.venue_name(row["buy_venue"]),
            sell_venue=tables.venue_name(row["sell_venue"]),
            state=label_of(labels, row["state"]),
            residual_qty=row["residual_qty"] / tables.symbol(row["symbol"]).qty_scale,
            value_usd=row["value_e8"] / E8,
            since_ns=row["since_wall_ns"],
            cost_complete_usd=row["cost_complete_e8"] / E8,
            cost_unwind_usd=row["cost_unwind_e8"] / E8,
            hedges=row["hedges"],
        )
        for row in rows
        if row["state"] != _NO_EXPOSURE
    )


def alarms(reader: BlockReader) -> tuple[Alarm, ...]:
    labels = abi_labels("abi_alarm_severity", "ABI_ALARM_")
    rows = reader.items("alarms", "abi_alarm", abi_layout().constants["ABI_ALARM_MAX"])
    return tuple(
        Alarm(
            id=row["id"],
            severity=label_of(labels, row["severity"]),
            code=row["code"],
            text=row["text"],
            raised_ns=row["raised_wall_ns"],
            acked_ns=or_none(row["acked_wall_ns"]),
            count=row["count"],
        )
        for row in rows
        if row["id"] != 0
    )


def stats(reader: BlockReader, heartbeat_age_s: float) -> Stats:
    """The headline figures, flat."""
    status_now, pnl_now = status(reader, heartbeat_age_s), pnl(reader)
    counted, _ = counters(reader)
    order_latency = next(row for row in latency(reader) if row.stage == "TICK_TO_ORDER")
    decided = pnl_now.wins + pnl_now.losses
    return Stats(
        mode=identity(reader.segment).mode,
        state=status_now.state,
        age_s=heartbeat_age_s,
        opportunities_detected=counted["opportunities"],
        opportunities_taken=counted["taken"],
        opportunities_refused=counted["refused"],
        trades=pnl_now.trades,
        wins=pnl_now.wins,
        losses=pnl_now.losses,
        win_rate=pnl_now.wins / decided if decided else None,
        total_profit_usd=pnl_now.trading_usd,
        today_profit_usd=pnl_now.today_usd,
        holding_pnl_usd=pnl_now.holding_usd,
        fees_usd=pnl_now.fees_usd,
        volume_usd=pnl_now.volume_usd,
        equity_usd=pnl_now.equity_usd,
        unhedged_usd=pnl_now.unhedged_usd,
        orders=counted["orders"],
        fills=counted["fills"],
        rejects=counted["rejects"],
        unknown_orders=counted["unknown"],
        messages=counted["messages"],
        quotes=counted["quotes"],
        p50_latency_us=order_latency.p50_us,
        p99_latency_us=order_latency.p99_us,
        p999_latency_us=order_latency.p999_us,
        config_hash=status_now.config_hash,
        state_version=status_now.state_version,
    )


def snapshot(segment: Segment, tables: Tables, heartbeat_age_s: float) -> Snapshot:
    """One copy of everything a live page shows. Each block is consistent in itself."""
    reader = BlockReader(segment, tables)
    now_mono_ns = time.monotonic_ns()
    status_now = status(reader, heartbeat_age_s)
    counters_now, refused = counters(reader)
    latency_now = latency(reader)
    return Snapshot(
        taken_ns=time.time_ns(),
        identity=identity(segment),
        status=status_now,
        counters=counters_now,
        refused=refused,
        pnl=pnl(reader),
        venues=venues(reader, {row.stage: row for row in latency_now}, now_mono_ns),
        strategies=strategies(reader),
        quotes=quotes(reader, now_mono_ns),
        balances=balances(reader),
        risk=risk(reader),
        exposures=exposures(reader),
        alarms=alarms(reader),
        latency=latency_now,
        block_age_s=reader.oldest_ns / 1e9,
    )
