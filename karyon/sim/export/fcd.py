"""SUMO's floating car data: one element per instant, one in it per vehicle. [SUMO: fcd_file.xsd]"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from karyon.sim.export.rows import Floats, blocks

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n\n'
    '<fcd-export xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:noNamespaceSchemaLocation="http://sumo.dlr.de/xsd/fcd_file.xsd">\n'
)
VEHICLE = (
    '        <vehicle id="car.{:.0f}" x="{:.6f}" y="{:.6f}" angle="{:.6f}" type="car" speed="{:.6f}" pos="{:.6f}" '
    'lane="road_{:.0f}" slope="0.00" acceleration="{:.6f}"/>\n'
)


def write(folder: Path, stream: TextIO) -> None:
    """The trace in `folder`. Vehicle 0 is `car.0`; x and y are of the middle of the front bumper, in both formats.

    Raises RunError.
    """
    begin = min(block["x"].min() for block in blocks(folder))
    now = None
    stream.write(HEAD)
    for block in blocks(folder):
        for time, vehicle in zip(block["time"], _vehicles(block, begin), strict=True):
            if time != now:
                stream.write("" if now is None else "    </timestep>\n")
                stream.write(f'    <timestep time="{time:.6f}">\n')
                now = time
            stream.write(vehicle)
    stream.write("    </timestep>\n</fcd-export>\n")


def _vehicles(block: Mapping[str, Floats], begin: float) -> Iterator[str]:
    """One element per row; `begin` is where the road begins, in m: SUMO knows no place before that."""
    angle = np.mod(90.0 - np.degrees(block["heading"]), 360.0)  # SUMO: clockwise, 0 is north
    place = block["x"] - begin
    rest = block["speed"], place, block["lane"], block["acceleration"]
    for row in zip(block["vehicle"], block["x"], block["y"], angle, *rest, strict=True):
        yield VEHICLE.format(*row)
