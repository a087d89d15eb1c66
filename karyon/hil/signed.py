"""Signed messages, for brokers that are not trusted: the payload, a line break, and its HMAC in hexadecimal.

    HMAC-SHA256(key, topic + 0x00 + payload)        [RFC 2104; the topic, so that none is played onto another one]

That a measurement is new its stamp says, by a clock that the device's own signed answers to pings have made known: each
of these holds the moment of a ping of this session. What was recorded earlier is thereby as old as it is.
"""

import hmac
import string
from collections.abc import Mapping
from pathlib import Path

from karyon.sim.documents import Fault, InputError

DIGEST = "sha256"
LONG = 64  # hexadecimal digits of a signature
SHORTEST = 16  # bytes of a key


def sign(key: bytes, topic: str, payload: bytes) -> bytes:
    """The payload with its signature."""
    return payload + b"\n" + _mac(key, topic, payload)


def verified(key: bytes, topic: str, signed: bytes) -> bytes | None:
    """The payload of a signed message; None where the signature is not that of this key and topic. Never raises."""
    payload, found = signed[: -LONG - 1], signed[-LONG:]
    is_signed = signed[-LONG - 1 : -LONG] == b"\n" and hmac.compare_digest(found, _mac(key, topic, payload))
    return payload if is_signed else None


def _mac(key: bytes, topic: str, payload: bytes) -> bytes:
    return hmac.new(key, topic.encode() + b"\0" + payload, DIGEST).hexdigest().encode()


def keys(path: Path | None) -> Mapping[str, bytes]:
    """Keys by topic out of a file with lines `TOPIC KEY`, keys in hexadecimal. Raises InputError with all faults."""
    if path is None:
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise InputError([Fault(str(path), None, None, 0, f"cannot be read: {error}")]) from error
    found: dict[str, bytes] = {}
    faults = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if wrong := _wrong(words, found):
            faults.append(Fault(f"{path}:{number}", None, None, 0, wrong))
        else:
            found[words[0]] = bytes.fromhex(words[1])
    if not (found or faults):
        faults.append(Fault(str(path), None, None, 0, "holds no key: nothing would have to be signed"))
    if faults:
        raise InputError(faults)
    return found


def _wrong(words: list[str], before: Mapping[str, bytes]) -> str:
    """What is wrong with a line, without the key that it may hold; empty where nothing is."""
    if len(words) != 2:
        return f"expected TOPIC KEY, found {len(words)} words"
    if set(words[1]) - set(string.hexdigits) or len(words[1]) % 2 or len(words[1]) < 2 * SHORTEST:
        return f"expected a key of at least {2 * SHORTEST} hexadecimal digits, found {len(words[1])} characters"
    return f"{words[0]} has a key already" if words[0] in before else ""
