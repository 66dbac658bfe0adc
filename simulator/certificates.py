"""Certificates for simulated venues that speak TLS: `python -m simulator.certificates DIRECTORY [--days N]`.

Makes an authority of its own, lets it vouch for this machine's loopback names, and forgets its key: ca.pem goes into
engine.json (`ca_file`), venue.pem and venue.key into simulator.json (`certificate_file`, `key_file`). Needs the
`openssl` program."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from simulator.errors import SimulatorError

DAYS_DEFAULT = 365
LOOPBACK_NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
TIMEOUT_S = 60.0


class CertificateError(SimulatorError):
    """The openssl program is missing, or refuses."""


def _openssl(*arguments: str) -> None:
    try:
        subprocess.run(("openssl", *arguments), check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
    except FileNotFoundError as error:
        raise CertificateError("the openssl program is needed: apt-get install openssl") from error
    except subprocess.CalledProcessError as error:
        raise CertificateError(f"openssl {arguments[0]}: {error.stderr.strip()}") from error


def make_certificates(directory: Path, names: str = LOOPBACK_NAMES, days: int = DAYS_DEFAULT) -> None:
    """Writes ca.pem, venue.pem and venue.key.

    Args:
        directory: made when it is not there; files of these names are replaced.
        names: what the certificate vouches for, as openssl writes subjectAltName.
        days: for how long.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ca, venue, key = (directory / name for name in ("ca.pem", "venue.pem", "venue.key"))
    with tempfile.TemporaryDirectory() as kept:
        ca_key = str(Path(kept) / "ca.key")
        _openssl(
            "req", "-x509", *KEY, "-keyout", ca_key, "-out", str(ca), "-days", str(days + 1),
            "-subj", "/CN=arbdeck simulated venues", "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip
        key.touch(mode=0o600)
        _openssl(
            "req", "-x509", *KEY, "-keyout", str(key), "-out", str(venue), "-days", str(days),
            "-subj", "/CN=simulated venue", "-addext", f"subjectAltName={names}",
            "-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(ca), "-CAkey", ca_key,
        )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.certificates", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--days", type=int, default=DAYS_DEFAULT, help="for how long they are good")
    arguments = parser.parse_args(argv)
    try:
        make_certificates(arguments.directory, days=arguments.days)
    except (SimulatorError, OSError) as error:
        print(f"certificates: {error}", file=sys.stderr)
        return 1
    print(f"made {arguments.directory}/ca.pem, venue.pem and venue.key, good for {arguments.days} days")
    return 0


if __name__ == "__main__":
    sys.exit(main())
