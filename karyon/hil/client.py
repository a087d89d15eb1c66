"""A connection to a broker that comes back by itself: paho-mqtt, MQTT 5, or 3.1.1 where the broker has no other."""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from karyon.hil.address import Address

KEEP_ALIVE = 10  # s: a connection that is silent for longer is tried, and given up after as long again
BACK_OFF = (1, 8)  # s between two attempts to come back: doubled from the first to the last
PATIENCE = 2.0  # s for the broker to answer the first time, before the older version of the protocol is tried
LAST_PATIENCE = 8.0  # s for it to answer in that
LARGEST = 1_100_000  # bytes of a message that the broker may send us: a batch of a phone's samples
QUEUED = 1000  # messages with QoS 1 that wait for a broker to come back; the next ones are not sent

OnMessage = Callable[[str, bytes, bool], None]


class BrokerError(Exception):
    """A broker that cannot be reached, or does not want us."""


class NoBrokerError(BrokerError):
    """There is nobody at this address, or not yet."""


class Client:
    """A client of one broker.

    subscriptions   topics with their QoS, subscribed to anew at each connection; what was retained is not sent
    on_message      called in the client's own thread with topic, payload, and whether it was retained
    will            topic and payload that the broker publishes, retained, when we are lost
    on_connect      called there at each connection; `on_loss` where one has broken
    """

    def __init__(
        self,
        address: Address,
        name: str,
        subscriptions: Sequence[tuple[str, int]],
        on_message: OnMessage,
        will: tuple[str, bytes] | None = None,
        on_connect: Callable[[], None] | None = None,
        on_loss: Callable[[], None] | None = None,
    ) -> None:
        self._address, self._name, self._subscriptions, self._will = address, name, subscriptions, will
        self._on_message, self._tell_connected, self._tell_lost = on_message, on_connect, on_loss
        self._answered, self._refusal, self._is_closed = threading.Event(), "", False
        self.connections = 0
        self._client = self._made(MQTTProtocolVersion.MQTTv5)

    def start(self) -> None:
        """Connect for the first time. Raises BrokerError."""
        versions = [MQTTProtocolVersion.MQTTv5] if not self._address.is_old else []
        for version in [*versions, MQTTProtocolVersion.MQTTv311]:
            self._client, self._refusal, self._is_closed = self._made(version), "", False
            self._answered.clear()
            if self._connect(LAST_PATIENCE if version == MQTTProtocolVersion.MQTTv311 else PATIENCE):
                return
            self.stop()
            if self._refusal and "protocol" not in self._refusal.lower():
                raise BrokerError(f"{self._address} refuses us: {self._refusal}")
        if self._is_closed and self._address.is_secure:
            cert = self._address.credentials.cert
            why = f"it does not accept {cert}" if cert else "it may want a certificate of ours: --cert and --key"
            raise BrokerError(f"{self._address} closes the connection after the TLS handshake: {why}")
        raise BrokerError(f"{self._address} does not answer as an MQTT broker does")

    @property
    def is_old(self) -> bool:
        """Whether it speaks MQTT 3.1.1, as the broker has no other, or it was told to."""
        return self._client._protocol != MQTTProtocolVersion.MQTTv5

    def stop(self) -> None:
        """Say good-bye."""
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()  # paho leaves to the collector those by which it wakes its own thread

    def publish(self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, expiry: int = 0) -> None:
        """Send a message; `expiry` in s (MQTT 5): the broker keeps it no longer. Without a connection QoS 0 is lost."""
        properties = None
        if expiry and not self.is_old:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry
        self._client.publish(topic, payload, qos, retain, properties)

    def _made(self, protocol: MQTTProtocolVersion) -> paho.Client:
        transport: Any = "websockets" if self._address.is_websocket else "tcp"
        client = paho.Client(CallbackAPIVersion.VERSION2, self._name, protocol=protocol, transport=transport)
        client.on_connect, client.on_message, client.on_socket_open = self._connected, self._came, without_delay
        client.on_disconnect = self._closed
        client.reconnect_delay_set(*BACK_OFF)
        client.max_queued_messages_set(QUEUED)
        if self._address.path and self._address.is_websocket:
            client.ws_set_options(self._address.path)
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if self._address.is_secure:
            client.tls_set_context(_tls(self._address))
        if self._will is not None:
            client.will_set(*self._will, qos=1, retain=True)
        return client

    def _connect(self, patience: float) -> bool:
        """Whether the broker has taken us within so many s."""
        properties = None
        if not self.is_old:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = LARGEST
        try:
            if self._address.is_secure:
                _shake_hands(self._address)
            self._client.connect(self._address.host, self._address.port, KEEP_ALIVE, properties=properties)
        except ssl.SSLError as error:
            said = f"{self._address} is not to be trusted, or does not trust us: {_reason(error)}"
            raise BrokerError(said) from error
        except OSError as error:
            raise NoBrokerError(f"there is no broker at {self._address}: {error.strerror or error}") from error
        self._client.loop_start()
        return self._answered.wait(patience) and not self._is_closed and not self._refusal

    def _connected(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            self._refusal = str(code)
        else:
            self.connections += 1
            for topic, qos in self._subscriptions:
                if client._protocol == MQTTProtocolVersion.MQTTv5:
                    client.subscribe(topic, options=SubscribeOptions(qos=qos, retainHandling=2))
                else:
                    client.subscribe(topic, qos)
            if self._tell_connected is not None:
                self._tell_connected()
        self._answered.set()

    def _closed(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if not self._answered.is_set():
            self._is_closed = True
            self._answered.set()
        elif code.is_failure and self._tell_lost is not None:
            self._tell_lost()

    def _came(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        acknowledge(client.socket())
        self._on_message(message.topic, bytes(message.payload), message.retain)


def acknowledge(sock: Any) -> None:
    """Confirm at once what has come, not with the next thing that we send.

    A broker that does not switch off Nagle's algorithm, as mosquitto, waits for that with the next message: where we
    send pings they took 9.6 ms instead of 0.3 ms to come. The switch holds for once only. [Linux, tcp(7)]
    """
    plain = getattr(sock, "_socket", sock)
    if plain is not None and hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):  # it has just been closed
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def without_delay(client: paho.Client, _: Any, sock: Any) -> None:
    """Send small packets at once: with Nagle's algorithm QoS 1 took 24 ms instead of 0.17 ms on mosquitto."""
    plain = getattr(sock, "_socket", sock)  # paho wraps the socket of WebSockets
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _shake_hands(address: Address) -> None:
    """Raise ssl.SSLError, or another OSError, where TLS cannot be had. (paho leaves a socket open when that fails.)"""
    with (
        socket.create_connection((address.host, address.port), PATIENCE) as plain,
        _tls(address).wrap_socket(plain, server_hostname=address.host),
    ):
        pass


def _tls(address: Address) -> ssl.SSLContext:
    given = address.credentials
    try:
        context = ssl.create_default_context(cafile=given.ca)
        if given.cert is not None and given.key is not None:
            context.load_cert_chain(given.cert, given.key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(path) for path in (given.ca, given.cert, given.key) if path)
        raise BrokerError(f"{files}: not certificates and keys in PEM: {_reason(error)}") from error
    return context


def _reason(error: OSError) -> str:
    verified = getattr(error, "verify_message", "")
    return str(verified or getattr(error, "reason", "") or error.strerror or error)
