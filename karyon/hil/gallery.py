"""The picture of the desk sensor for the documentation, in real time: python -m karyon.hil.gallery docs"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from karyon.hil import broker, device, drive, session
from karyon.sim.scenario import cut, read
from karyon.sim.view.gallery import SIZE, shrink
from karyon.sim.view.look import Look
from karyon.sim.view.recording import Recording
from karyon.sim.view.stills import screenshot

LASTS, AT = 20.0, 16.0  # s


def main() -> None:
    """Let a made-up hand move before the sensor, and draw what the kernel makes of it."""
    with TemporaryDirectory(prefix="karyon-") as scratch, broker.embedded() as address:
        hand, is_over = drive.hand(), Event()
        player = device.Player.of(hand, [])
        playing = device.Device(address, "hand", {}, hand.signals)
        playing.client.start()
        thread = Thread(target=device.play, args=(player, playing, lambda _: not is_over.is_set()))
        thread.start()
        session.live(cut(read("hil_desk"), LASTS), address, Path(scratch), lambda _: None, None)
        is_over.set()
        thread.join()
        playing.client.stop()
        path = Path(sys.argv[1]) / "hil_desk.png"
        screenshot(Recording(Path(scratch)), AT, path, Look(), SIZE)
        shrink(path)


if __name__ == "__main__":
    main()
