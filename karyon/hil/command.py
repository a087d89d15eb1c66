"""What the commands `karyon hil` and `karyon device` do."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from karyon.hil import bench, broker, device, drive, examination, phone, signed
from karyon.hil import session as sessions
from karyon.hil.address import Address, AddressError, Credentials, first_line, parse
from karyon.hil.client import BrokerError, Client, NoBrokerError
from karyon.hil.record import NAME
from karyon.sim import kinds
from karyon.sim.engine import Simulation
from karyon.sim.run import Result
from karyon.sim.scenario import Loaded, Scenario, cut, read
from karyon.sim.shipped import SHIPPED

AUTO = "auto"  # a broker of the bench's own
HAND, PHONE = "hand", "phone"  # devices that are made up
ERRORS = (AddressError, BrokerError)
BROKER_STARTS = 5.0  # s
AGAIN = 0.25  # s


@dataclass(frozen=True, slots=True)
class Session:
    """A session that can be run.

    source        where its broker is, None: one of its own; or the folder in which it was recorded
    credentials   password of its own broker if that is for other machines, too (`lan`); keys of what is signed
    watch         is shown the simulation before it begins, in whatever process it runs
    """

    loaded: Loaded
    source: Address | Path | None
    credentials: Credentials
    lan: bool
    with_commands: bool
    watch: sessions.Attend | None = None

    @property
    def name(self) -> str:
        """What its results are called."""
        return f"{self.loaded.name}_replayed" if isinstance(self.source, Path) else self.loaded.name

    def run(self, out: Path, progress: sessions.Progress, attend: sessions.Attend = lambda _: None) -> Result:
        """Run it, with its results in the folder `out`. Raises AddressError, BrokerError, InputError."""
        keys = signed.keys(self.credentials.keys)

        def begin(simulation: Simulation) -> None:
            attend(simulation)
            if self.watch is not None:
                self.watch(simulation)

        if isinstance(self.source, Path):
            if out.resolve() == self.source.resolve():
                raise AddressError(f"--out {out} is the session that is replayed: it would be lost")
            return sessions.replay(self.loaded, self.source, out, progress, begin, keys=keys)
        commands = self.with_commands
        with nullcontext(self.source) if self.source else self._own_broker() as address:
            return sessions.live(self.loaded, address, out, _say, progress, begin, keys=keys, with_commands=commands)

    @contextmanager
    def _own_broker(self) -> Iterator[Address]:
        with broker.embedded(lan=self.lan, password=first_line(self.credentials.password)) as address:
            for line in broker.invitation(address) if self.lan else [f"broker {address}"]:
                _say(line)
            yield address


def session(
    scenario: str,
    url: str,
    credentials: Credentials,
    until: float | None,
    sets: Sequence[str],
    *,
    lan: bool,
    with_commands: bool,
) -> Session:
    """The session of a scenario, or in a folder. Raises AddressError, InputError."""
    folder = Path(scenario)
    is_recorded = (folder / NAME).is_file()
    if folder.is_dir() and not is_recorded:
        raise AddressError(
            f"{folder} is no session of the bench, as it has no {NAME}: karyon view {folder} shows a run"
        )
    loaded = _benched(folder / "scenario.yaml" if is_recorded else scenario, sets)
    if until is not None:
        loaded = cut(loaded, until)
    limit = loaded.scenario.duration + 60.0  # real time takes as long as it takes
    name = folder.name if is_recorded else loaded.name
    loaded = replace(loaded, name=name, scenario=loaded.scenario.model_copy(update={"wall_limit": limit}))
    if lan and url != AUTO:
        raise AddressError("--listen lan opens the embedded broker: it goes with --broker auto")
    sessions.check(loaded)
    source = folder if is_recorded else None if url == AUTO else parse(url, credentials)
    return Session(loaded, source, credentials, lan, with_commands)


def _benched(scenario: str | Path, sets: Sequence[str]) -> Loaded:
    """A scenario whose kind has real sensors. Raises AddressError, InputError."""
    loaded = kinds.read(scenario, sets)
    if not isinstance(loaded.scenario, Scenario):
        raise AddressError(f"{loaded.name} is of kind {loaded.scenario.kind}: only car following has real sensors")
    return loaded


def lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """What a session adds to the lines of a run."""
    said = summary["metrics"]
    late = (
        f"{said['missed_deadlines']} of {said['cycles']} cycles late, at worst {1000 * said['worst_lateness']:.1f} ms"
    )
    yield f"messages   {said['messages']}, {said['messages_refused']} refused   {late}"
    for reason, count in said["refused"].items():
        yield f"refused    {count} {reason}"
    if said["measurement_latency_p50"] is not None:
        p50, p99 = (_shown(said[f"measurement_latency_{each}"]) for each in ("p50", "p99"))
        yield f"latency    from arrival to the kernel's decision {p50} (p50), {p99} (p99)"


def _shown(latency: float) -> str:
    """In ms; what is longer than a second was not measured."""
    return f"{1000 * latency:.2f} ms" if latency <= bench.LONGEST else f"more than {bench.LONGEST:g} s"


def examined(url: str, credentials: Credentials) -> dict[str, Any]:
    """What a broker and this machine allow, by the shipped bench. Raises AddressError, BrokerError."""
    loaded = read("hil_bench")
    with broker.embedded() if url == AUTO else nullcontext(parse(url, credentials)) as address:
        return examination.examine(address, loaded)


def _reached(url: str, credentials: Credentials) -> Address:
    """Where a device finds its broker. Raises AddressError."""
    if url == AUTO:
        raise AddressError("--broker is the address that karyon hil prints, such as mqtt://127.0.0.1:1883")
    return parse(url, credentials)


def play(file: Path, url: str, credentials: Credentials, options: Sequence[str]) -> int:
    """Play a drive onto a broker; how many measurements were sent. Raises AddressError, BrokerError, and its faults."""
    if str(file) == PHONE and not file.exists():
        return _play_phone(_reached(url, credentials), options)
    faults, played = device.faults(options), _drive(file)
    player, keys = device.Player.of(played, faults), signed.keys(credentials.keys)
    playing = device.Device(_reached(url, credentials), f"karyon-device-{time.time_ns():x}", keys, played.signals)
    with _connected(playing.client), closing(playing):
        return device.play(player, playing, lambda _: True)


def _play_phone(address: Address, options: Sequence[str]) -> int:
    if options:
        raise AddressError("--fault is for a drive: the made-up phone has none")
    client = Client(address, f"karyon-phone-{time.time_ns():x}", [], lambda *_: None)
    with _connected(client):
        return phone.play(client, lambda _: True)


@contextmanager
def _connected(client: Client) -> Iterator[None]:
    """A device may be there some seconds before the bench whose broker it needs. Raises BrokerError."""
    until = time.monotonic() + BROKER_STARTS
    while True:
        try:
            client.start()
            break
        except NoBrokerError:
            if time.monotonic() > until:
                raise
            time.sleep(AGAIN)
    try:
        yield
    finally:
        client.stop()


def _drive(file: Path) -> drive.Drive:
    """The drive in a file, or one of that name that comes with KARYON. Raises RecordingError."""
    shipped = SHIPPED / "recordings" / f"{file}.csv"
    if file.exists() or not (str(file) == HAND or shipped.is_file()):
        return drive.read(file)
    return drive.hand() if str(file) == HAND else drive.read(shipped)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
