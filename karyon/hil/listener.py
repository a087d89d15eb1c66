"""The ears of the bench, a process of their own: what arrives is stamped there, and waits until a cycle reads it.

paho takes five system calls for a message, and after each the lock of its interpreter. Where cycles computed under the
same lock, one message in a hundred came 1.8 ms late, five times as late as to a process that does nothing else.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from fcntl import fcntl
from struct import Struct

from karyon.hil.address import Address, Credentials
from karyon.hil.client import BrokerError, Client
from karyon.hil.message import Message

WAITING = 64  # messages of a topic between two cycles; the newest are kept
PIPE = 1_048_576  # bytes that wait for a cycle, where the system gives a pipe as much
RECORD = Struct("<BHqI")  # kind or retained, number of the topic, arrival (ns) or count, bytes that follow
PLAIN, RETAINED, DROPPED, READY, REFUSED = range(5)
AGAIN = 0.005  # s until a pipe that was full is tried again
SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ [Linux, fcntl(2)]


class Listener:
    """Hears `topics`, each with the longest payload in bytes, and no other; one that has died hears nothing."""

    def __init__(self, address: Address, name: str, topics: Mapping[str, int]) -> None:
        self._names = list(topics)
        settings = {"address": dataclasses.asdict(address), "name": name, "topics": dict(topics)}
        self._settings = json.dumps(settings, default=str).encode()
        self._unread = b""
        self.has_ended = False

    def start(self) -> None:
        """Connect and subscribe. Raises BrokerError."""
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        with suppress(OSError):  # more than this user may have
            fcntl(self._pipe, SET_PIPE_SIZE, PIPE)
        self._process.stdin.write(self._settings + b"\n")
        kind, said = self._answer()
        if kind != READY:
            self.stop()
            raise BrokerError(said)
        os.set_blocking(self._pipe, False)

    def drain(self) -> tuple[list[Message], dict[str, int]]:
        """What has come since the last look, and how many of each topic were superseded before."""
        came: list[Message] = []
        dropped = Counter[str]()
        data, at = self._unread + self._read(), 0
        while len(data) - at >= RECORD.size:
            kind, number, told, size = RECORD.unpack_from(data, at)
            end = at + RECORD.size + size
            if end > len(data):
                break
            if kind == DROPPED:
                dropped[self._names[number]] += told
            else:
                payload = data[at + RECORD.size : end]
                came.append(Message(told, self._names[number], payload, kind == RETAINED))
            at = end
        self._unread = data[at:]
        return (came if len(came) <= WAITING else _newest(came, dropped)), dict(dropped)

    def stop(self) -> None:
        """Hear no more."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()  # which is what it waits for
        process.stdout.close()
        process.wait()

    def _read(self) -> bytes:
        """What there is, once: to read until there is nothing would take for ever in a flood."""
        try:
            found = os.read(self._pipe, PIPE)
        except BlockingIOError:
            return b""
        self.has_ended = not found
        return found

    def _answer(self) -> tuple[int, str]:
        """Its first record: `READY`, or why not."""
        while len(self._unread) < RECORD.size or len(self._unread) < RECORD.size + RECORD.unpack_from(self._unread)[3]:
            part = os.read(self._pipe, PIPE)
            if not part:
                return REFUSED, "the process that listens has ended: see above"
            self._unread += part
        kind, _, _, size = RECORD.unpack_from(self._unread)
        said, self._unread = self._unread[RECORD.size :][:size].decode(), self._unread[RECORD.size + size :]
        return kind, said


def _newest(came: list[Message], dropped: Counter[str]) -> list[Message]:
    """Of each topic as many as may wait."""
    left = Counter[str]()
    kept = []
    for message in reversed(came):
        left[message.topic] += 1
        if left[message.topic] <= WAITING:
            kept.append(message)
    dropped.update({topic: count - WAITING for topic, count in left.items() if count > WAITING})
    return kept[::-1]


class _Ears:
    """In the process that listens: hands over what comes, or keeps the newest of each topic while there is no room."""

    def __init__(self, address: Address, name: str, topics: Mapping[str, int], pipe: int) -> None:
        self._numbers = {topic: number for number, topic in enumerate(topics)}
        self._longest = list(topics.values())
        self._queues: list[deque[bytes]] = [deque(maxlen=WAITING) for _ in topics]
        self._dropped = [0] * len(topics)
        self._pipe, self._lock = pipe, threading.Lock()
        self._rest = RECORD.pack(READY, 0, 0, 0)  # while there is a rest all is queued, and else nothing
        self.client = Client(address, name, [(topic, 0) for topic in topics], self._came)

    def hand_over(self) -> None:
        """Say that it is ready, and try again, for ever, what the pipe had no room for."""
        while True:
            with self._lock:
                while data := self._rest or self._queued():
                    self._send(data)
                    if self._rest:
                        break
            time.sleep(AGAIN)

    def _came(self, topic: str, payload: bytes, retained: bool) -> None:
        arrived = time.monotonic_ns()
        number = self._numbers.get(topic)
        if number is None:
            return
        kept = payload[: self._longest[number] + 1]  # one byte more says that it is too long
        record = RECORD.pack(RETAINED if retained else PLAIN, number, arrived, len(kept)) + kept
        with self._lock:
            if self._rest:
                queue = self._queues[number]
                self._dropped[number] += len(queue) == WAITING
                queue.append(record)
            else:
                self._send(record)

    def _queued(self) -> bytes:
        """All that waits, and how many of each topic were superseded."""
        records = [record for queue in self._queues for record in queue]
        records += [RECORD.pack(DROPPED, number, count, 0) for number, count in enumerate(self._dropped) if count]
        for queue in self._queues:
            queue.clear()
        self._dropped = [0] * len(self._dropped)
        return b"".join(records)

    def _send(self, data: bytes) -> None:
        try:
            self._rest = data[os.write(self._pipe, data) :]
        except BlockingIOError:
            self._rest = data
        except BrokenPipeError:
            os._exit(0)  # the bench is gone


def _end_with(stdin: int, client: Client) -> None:
    """End this process when the bench has closed its end, or is gone."""
    while os.read(stdin, 1):
        pass
    client.stop()
    os._exit(0)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench is told, and ends this
    settings = json.loads(sys.stdin.buffer.readline())
    given, pipe = settings["address"], sys.stdout.fileno()
    address = Address(**(given | {"credentials": Credentials(**given["credentials"])}))
    ears = _Ears(address, settings["name"], settings["topics"], pipe)
    try:
        ears.client.start()
    except BrokerError as error:
        said = str(error).encode()
        os.write(pipe, RECORD.pack(REFUSED, 0, 0, len(said)) + said)
        return
    os.set_blocking(pipe, False)
    threading.Thread(target=_end_with, args=[sys.stdin.fileno(), ears.client], daemon=True).start()
    ears.hand_over()


if __name__ == "__main__":
    _main()
