"""Where a broker is: `mqtt://user@host:1883`, `mqtts://`, `ws://` or `wss://`, and what proves who one is."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


class AddressError(Exception):
    """An address, or a file that goes with it, that cannot be used."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files that prove who the client is, and by which it knows the broker; None: there is none.

    password   its first line is the password
    ca         certificates of authorities, PEM
    cert, key  of this client, PEM
    keys       with which measurements are signed, by topic
    """

    password: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    keys: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A broker and how it is reached."""

    scheme: str
    host: str
    port: int
    path: str = ""
    user: str | None = None
    password: str | None = None
    credentials: Credentials = Credentials()
    is_old: bool = False  # speaks MQTT 3.1.1 only

    @property
    def is_secure(self) -> bool:
        """Whether it is TLS."""
        return self.scheme in ("mqtts", "wss")

    @property
    def is_websocket(self) -> bool:
        """Whether MQTT goes through WebSockets."""
        return self.scheme in ("ws", "wss")

    def __str__(self) -> str:
        """As one may show it: without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse(url: str, credentials: Credentials | None = None) -> Address:
    """The address in a URL. Raises AddressError."""
    given = credentials or Credentials()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressError(f"--broker {url!r} cannot be read: {error}") from error
    if parts.scheme not in PORTS or not host:
        known = ", ".join(f"{scheme}://HOST:{port}" for scheme, port in PORTS.items())
        raise AddressError(f"--broker is auto or an address ({known}), found {url!r}")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise AddressError(f"--broker {url!r} has no name of a machine: {error}") from error
    if given.password and not parts.username:
        raise AddressError("--password-file needs a user: write mqtt://USER@HOST")
    if (given.ca or given.cert or given.key) and parts.scheme not in ("mqtts", "wss"):
        raise AddressError(f"--ca, --cert and --key go with mqtts:// or wss://, found {parts.scheme}://")
    if (given.cert is None) != (given.key is None):
        raise AddressError("--cert and --key go together")
    return Address(
        scheme=parts.scheme,
        host=host,
        port=port or PORTS[parts.scheme],
        path=parts.path,
        user=unquote(parts.username) if parts.username else None,
        password=first_line(given.password) or (unquote(parts.password) if parts.password else None),
        credentials=given,
    )


def first_line(path: Path | None) -> str | None:
    """A password out of its file. Raises AddressError."""
    if path is None:
        return None
    try:
        found = (path.read_text("utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeError) as error:
        raise AddressError(f"--password-file {path} cannot be read: {error}") from error
    if not found:
        raise AddressError(f"--password-file {path} holds no password in its first line")
    return found
