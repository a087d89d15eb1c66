"""Well clear by its definition, stepping through time: slow and obvious. Scalars and plain Python only.

Also the hysteresis of alerts, one intruder at a time.
"""

from math import hypot, inf


def is_inside(position, velocity, distance, altitude, tau, coaltitude):
    """Not well clear at this instant; position and velocity (x, y, z) of the ownship relative to the intruder."""
    (x, y, z), (vx, vy, vz) = position, velocity
    is_level = abs(z) <= altitude
    if vz and -z / vz >= 0:  # the instant of the same altitude is ahead
        is_level = is_level or -z / vz <= coaltitude
    return is_level and is_inside_horizontally((x, y), (vx, vy), distance, tau)


def is_inside_horizontally(position, velocity, distance, tau):
    x, y = position
    vx, vy = velocity
    separation = hypot(x, y)
    if separation <= distance:
        return True
    rate = (x * vx + y * vy) / separation
    if rate >= 0:
        return False
    closest = -(x * vx + y * vy) / (vx * vx + vy * vy)
    miss = hypot(x + closest * vx, y + closest * vy)
    modified_tau = -(separation - distance * distance / separation) / rate  # TCAS II: -(r - DMOD²/r) / r'
    return miss <= distance and modified_tau <= tau


def stay(position, velocity, volume, horizon, step):
    """First and last instant of a grid at which the pair is inside; (inf, -inf) for never."""
    first, last = inf, -inf
    for count in range(int(horizon / step) + 1):
        time = count * step
        at = tuple(p + v * time for p, v in zip(position, velocity, strict=True))
        if is_inside(at, velocity, *volume):
            first, last = min(first, time), max(last, time)
    return first, last


class Alert:
    """Hysteresis of the alerts of one intruder: m of n, and an alert that stays for a while."""

    def __init__(self, forget, persist, m, n):
        self.forget, self.persist, self.m, self.n = forget, persist, m, n
        self.asked, self.level, self.since, self.seen = [], -1, None, None

    def cycle(self, asked, now):
        if self.seen is None or not 0 < now - self.seen <= self.forget:
            empty = [-1] * (self.n - self.m)  # the first counts m times, as if it were the oldest of the last n
            self.asked, self.level, self.since = [asked] * (self.m - 1) + empty, -1, None
        self.asked = [*self.asked, asked][-self.n :] if self.n else []
        self.seen = now
        wanted = asked
        if 0 < self.m <= self.n:
            wanted = max(level for level in range(4) if sum(each >= level for each in self.asked) >= self.m)
        is_kept = self.level > 0 and wanted < self.level and self.since is not None
        if is_kept and now - self.since < self.persist:
            return self.level
        if wanted > 0 and wanted > self.level:
            self.since = now
        self.level = wanted
        return self.level
