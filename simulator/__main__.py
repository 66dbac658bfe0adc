"""Starts the simulated venues: `python -m simulator [--replay FILE] [--speed N] [--seed N] [--fresh]`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import decimal
import logging
import signal
import sys
from pathlib import Path

from simulator.binance import BinanceServer
from simulator.control import ControlServer
from simulator.driver import Driver, ReplayDriver, SyntheticDriver
from simulator.errors import ReplayError, SettingsError, SimulatorError
from simulator.exchange import Exchange
from simulator.market import Market
from simulator.mexc import MexcServer
from simulator.ports import port_free, port_owner
from simulator.replay import Replay, open_replay
from simulator.server import HOST, VenueServer
from simulator.settings import Environment, Settings, load_settings, map_add, read_environment
from simulator.store import Store

log = logging.getLogger("simulator")
SERVERS: dict[str, type[VenueServer]] = {"binance": BinanceServer, "mexc": MexcServer}
DIGITS = 60  # of every product of amounts; the longest exact one has about 45
SPEED_MAX = 100_000.0


class PortBusy(SimulatorError):
    """Another process listens where we should."""

    def __init__(self, port: int) -> None:
        owner = port_owner(port)
        super().__init__(
            f"Port {port} is in use{' by ' + owner if owner else ''}; stop it or change simulator.json."
        )


def parse_arguments(argv: list[str], environment: Environment) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument(
        "--config", type=Path, default=environment.config_file, help="parameters (simulator.json)"
    )
    parser.add_argument("--replay", default=environment.replay_file, help="Parquet file to play (env REPLAY)")
    parser.add_argument(
        "--speed", default=environment.speed or "1", help="times real time, replay only (env SPEED)"
    )
    parser.add_argument(
        "--map",
        default=environment.replay_map,
        help="replay: NAME=TARGET,... a venue or symbol of the file is played as this one (env MAP)",
    )
    parser.add_argument(
        "--check", action="store_true", help="say what --replay would play, or what is wrong with it, and end"
    )
    parser.add_argument(
        "--seed", type=int, default=None, help="of the synthetic market, instead of the file's"
    )
    parser.add_argument("--loop", action="store_true", help="replay: start again at the end")
    parser.add_argument(
        "--fresh", action="store_true", help="forget balances, orders and fills of earlier runs"
    )
    return parser.parse_args(argv)


def make_driver(arguments: argparse.Namespace, settings: Settings, exchanges: list[Exchange]) -> Driver:
    if not arguments.replay:
        market = Market(settings.seed, settings.market, settings.symbols, len(exchanges))
        return SyntheticDriver(market, [exchange.book for exchange in exchanges], settings.seed)
    replay = read_replay(arguments, settings)
    books = {exchange.settings.name: exchange.book for exchange in exchanges}
    return ReplayDriver(
        replay, books, read_speed(arguments.speed), settings.market.quotes_per_s, arguments.loop
    )


def read_replay(arguments: argparse.Namespace, settings: Settings) -> Replay:
    path = Path(arguments.replay)
    if not path.is_file():
        raise ReplayError(f"replay file {path}: no such file.")
    names = tuple(venue.name for venue in settings.venues)
    return open_replay(path, settings.symbols, names, settings.replay)


def read_speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= SPEED_MAX:
        raise SettingsError("speed", text, f"a number from 0.001 to {SPEED_MAX:g}")
    return speed


async def serve(arguments: argparse.Namespace, environment: Environment, settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for port in (settings.control_port, *(venue.port for venue in settings.venues)):
        if not port_free(HOST, port):
            raise PortBusy(port)
    exchanges = [
        Exchange(
            venue, settings.symbols, Store(environment.state_dir / f"{venue.name}.jsonl", arguments.fresh)
        )
        for venue in settings.venues
    ]
    driver = make_driver(arguments, settings, exchanges)
    servers = {e.settings.name: SERVERS[e.settings.kind](e) for e in exchanges}
    control = ControlServer(settings, servers, driver)
    for server in servers.values():
        await server.start()
    await control.start()
    _announce(settings, exchanges)
    market = asyncio.create_task(driver.run())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((market, stopped), return_when=asyncio.FIRST_COMPLETED)
    for task in (market, stopped):
        task.cancel()
    await asyncio.gather(control.stop(), *(server.stop() for server in servers.values()))
    for exchange in exchanges:
        exchange.close()
    if market.done() and not market.cancelled() and market.exception() is not None:
        raise SimulatorError("the market stopped") from market.exception()
    log.info("stopped")


def _announce(settings: Settings, exchanges: list[Exchange]) -> None:
    for exchange in exchanges:
        log.info(
            "%s (%s) on %s:%d%s; %d orders and %d fills from earlier runs",
            exchange.settings.name, exchange.settings.kind, HOST, exchange.settings.port,
            " with TLS" if exchange.settings.certificate_file is not None else "",
            len(exchange.orders), len(exchange.fills),
        )  # fmt: skip
    log.info("control and oracle on %s:%d", HOST, settings.control_port)


def main(argv: list[str] | None = None) -> int:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s venues %(levelname)s %(message)s"
    )
    decimal.getcontext().prec = DIGITS
    environment = read_environment()
    arguments = parse_arguments(sys.argv[1:] if argv is None else argv, environment)
    try:
        settings = load_settings(arguments.config)
        if arguments.seed is not None:
            settings = dataclasses.replace(settings, seed=arguments.seed)
        settings = map_add(settings, arguments.map)
        if arguments.check:
            print(read_replay(arguments, settings).describe() if arguments.replay else "the synthetic market")
            return 0
        asyncio.run(serve(arguments, environment, settings))
    except (SimulatorError, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
