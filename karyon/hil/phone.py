"""A made-up phone with the app Sensor Logger: its top edge is raised and lowered, and it says so in batches."""

import json
import time
from collections.abc import Callable
from math import sin, sqrt, tau

from karyon.hil.client import Client

TOPIC = "karyon/1/0/phone"  # on which `hil_phone` listens
RATE, BATCHES = 50, 5  # samples and messages per second
GRAVITY, TILT, SWING = 9.81, 0.12, 16.0  # m/s², radians, s
LASTS = 300.0  # s


def batch(number: int, now: int, since: float) -> bytes:
    """The samples until `now` (ns from 1970), which is `since` s after its beginning, as the app sends them."""
    samples = []
    for back in reversed(range(RATE // BATCHES)):
        along = GRAVITY * TILT * sin(tau * (since - back / RATE) / SWING)
        values = {"x": 0.0, "y": along, "z": sqrt(GRAVITY * GRAVITY - along * along)}
        samples.append({"name": "gravity", "time": now - back * 1_000_000_000 // RATE, "values": values})
    return json.dumps({"messageId": number, "sessionId": "made up", "deviceId": "phone", "payload": samples}).encode()


def play(client: Client, progress: Callable[[float], bool]) -> int:
    """Send until its time is over, or `progress` (told the time in s) says so; how many messages were sent."""
    begin = time.monotonic()
    for number in range(round(LASTS * BATCHES)):
        while (early := begin + number / BATCHES - time.monotonic()) > 0.0:
            time.sleep(early)
        since = time.monotonic() - begin
        client.publish(TOPIC, batch(number, time.time_ns(), since), expiry=1)
        if not progress(since):
            break
    return number + 1
