"""What comes over MQTT, as it comes."""

from typing import NamedTuple


class Message(NamedTuple):
    """What came on a topic: `arrived` in ns by the bench's clock, and whether the broker had kept it."""

    arrived: int
    topic: str
    payload: bytes
    retained: bool = False
