"""When a CAM is due, once more, slow and obvious: one vehicle that remembers all it has sent, and why.

From the words of ETSI EN 302 637-2 V1.4.1, clause 6.1.3; oracle for `karyon.cooperation.cam.Generation`.
"""

from math import cos, hypot, radians, sin


class Vehicle:
    def __init__(self):
        self.sent = []  # (time in ms, cause, what it said)

    def look(self, now, east, north, heading, speed, least=100):
        """Whether it sends now."""
        cause = self._cause(now, (east, north, heading, speed), least)
        if cause:
            self.sent.append((now, cause, (east, north, heading, speed)))
        return bool(cause)

    def _cause(self, now, state, least):
        if not self.sent:
            return "unmoved"
        before, _, said = self.sent[-1]
        if now - before >= least and changed(said, state):
            return "moved"
        return "unmoved" if now - before >= max(least, self._longest()) else None

    def _longest(self):
        """T_GenCam: the time that the last move took, for three CAMs after it; else 1 s."""
        moves = [place for place, (_, cause, _) in enumerate(self.sent) if cause == "moved"]
        if not moves or len(self.sent) - 1 - moves[-1] >= 3:
            return 1000
        return min(1000, self.sent[moves[-1]][0] - self.sent[moves[-1] - 1][0])


def changed(said, state):
    (old_east, old_north, old_heading, old_speed), (east, north, heading, speed) = said, state
    facing = cos(radians(heading - old_heading)), sin(radians(heading - old_heading))
    return (
        hypot(east - old_east, north - old_north) > 4.0
        or abs(speed - old_speed) > 0.5
        or facing[0] < cos(radians(4.0)) - 1e-12
    )
