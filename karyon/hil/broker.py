"""A broker of the bench's own, for those who have none: amqtt, in a process of its own, as long as the bench runs.

    with embedded() as address: ...        on a free port of this machine, for this machine only
    with embedded(lan=True) as address: ...    on port 1883 for all on the same network, with a password made up for it

It speaks MQTT 3.1.1.
"""

import asyncio
import json
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import segno

from karyon.hil.address import PORTS, Address
from karyon.hil.client import BrokerError

USER = "karyon"
LOOPBACK, ANYWHERE = "127.0.0.1", "0.0.0.0"
LAN_PORT = PORTS["mqtt"]
PASSWORD_BYTES = 9  # 12 characters that one can type
READY = "ready"


@contextmanager
def embedded(*, lan: bool = False, password: str | None = None) -> Iterator[Address]:
    """A broker until the end of the block, and where it is. Raises BrokerError.

    lan        for other machines, too: the address is that on the network
    password   that others need; None: one is made up
    """
    host, port = (ANYWHERE, LAN_PORT) if lan else (LOOPBACK, _free_port())
    password = (password or secrets.token_urlsafe(PASSWORD_BYTES)) if lan else None
    with tempfile.TemporaryDirectory(prefix="karyon-broker-") as folder:
        settings = {"bind": f"{host}:{port}", "passwords": _password_file(Path(folder), password)}
        process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            process.stdin.flush()
            if process.stdout.readline().strip() != READY.encode():
                raise BrokerError(_why(process, host, port))
            user = USER if lan else None
            yield Address("mqtt", _own_address() if lan else host, port, user=user, password=password, is_old=True)
        finally:
            process.stdin.close()  # which is what it waits for
            process.wait()
            process.stdout.close()
            if process.stderr is not None:
                process.stderr.close()


def invitation(address: Address) -> list[str]:
    """What a device on the same network needs to know of a broker, for people, and as a QR code."""
    code = segno.make(f"mqtt://{address.user}:{address.password}@{address.host}:{address.port}", error="m")
    drawn = ["".join(_block(upper, lower) for upper, lower in zip(*pair, strict=True)) for pair in _pairs(code)]
    return [f"broker {address}   user {address.user}   password {address.password}", *drawn]


def _pairs(code: segno.QRCode) -> Iterator[tuple[list[int], list[int]]]:
    """Two lines of modules, which one line of text can show, with the quiet zone that readers need."""
    lines = [list(line) for line in code.matrix_iter(border=2)]
    lines += [[0] * len(lines[0])] * (len(lines) % 2)
    yield from zip(lines[::2], lines[1::2], strict=True)


def _block(upper: int, lower: int) -> str:
    return {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}[bool(upper), bool(lower)]  # light on a dark screen


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _own_address() -> str:
    """The address of this machine on its network; nothing is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return LOOPBACK


def _password_file(folder: Path, password: str | None) -> str | None:
    if password is None:
        return None
    from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415 (only where there is a password)

    path = folder / "passwords"
    path.touch(mode=0o600)
    path.write_text(f"{USER}:{Argon2Hasher().hash(password)}\n", "utf-8")
    return str(path)


def _why(process: subprocess.Popen[bytes], host: str, port: int) -> str:
    said = process.stderr.read().decode("utf-8", "replace") if process.stderr is not None else ""
    if "address already in use" in said.lower():
        return f"port {port} is taken: another broker may run here already, then --broker mqtt://{LOOPBACK} is it"
    return f"the embedded broker does not start on {host}:{port}: {(said.strip().splitlines() or ['?'])[-1]}"


async def _serve(settings: dict[str, Any]) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415 (the bench itself has no use for it)

    passwords = settings["passwords"]
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    by_password = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": passwords}}
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": settings["bind"]}},
            "plugins": by_password if passwords else anonymous,
        }
    )
    await broker.start()
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until the bench is gone
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.stdin.readline())))
