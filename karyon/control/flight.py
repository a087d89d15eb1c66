"""How an unmanned aircraft flies at each level of service: along its route, and around traffic.

At every level the law is the same search with other numbers: of some turns and climbs, the one nearest to the route of
which no traffic comes nearer than the level's separation, and where there is none, the one that keeps the most. Only
what may be chosen differs: level 0 holds its altitude; level 3 keeps to the altitude that was agreed.

All are arrays; m, m/s, s. Traffic is (aircraft, row), candidates (candidate, row).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

TURNS = (0, 20, -20, 40, -40, 60, -60, 90, -90, 130, -130, 180)  # deg to the right; 0 first
AHEAD = np.array([2.0, 5.0, 9.0, 14.0, 20.0, 27.0, 35.0, 44.0, 54.0, 65.0])  # s at which separation is looked at
LEFT, CLIMB, CHANGE = 0.03, 0.15, 0.08  # cost beside a turn by 180 deg: to the left, not level, other than before
ENOUGH = 1.0  # separations
WORSE = 10.0  # cost of a whole separation that is lacking
RELUCTANT = 0.02  # separations that another course must keep more where none keeps enough: dithering leads straight on
TURN_LASTS = 12.0  # s for which traffic goes on turning
CIRCLES = 1.05  # rad, 60 deg: who has turned so far may go on and circle; who evades has ended its turn by then
SETTLING = 5.0  # s in which an altitude is taken up
_ANGLES = np.radians(TURNS)
_RIGHT = np.sin(_ANGLES), np.cos(_ANGLES)


class Motion(NamedTuple):
    """Where aircraft are and how they move; `aim` is the altitude that they will hold, NaN where nobody said.

    ax, ay   acceleration in m/s²; of who turns
    turned   rad to the left, since it began to turn; 0 where it does not
    """

    x: Any
    y: Any
    z: Any
    vx: Any
    vy: Any
    vz: Any
    aim: Any
    ax: Any
    ay: Any
    turned: Any


class Choice(NamedTuple):
    """What is flown: direction (unit vector) and climb rate in m/s; which candidate; separations that it keeps."""

    east: Floats
    north: Floats
    climb: Floats
    number: NDArray[np.int64]
    kept: Floats


def chosen(
    own: Motion,
    traffic: Motion,
    known: Booleans,
    wanted: tuple[Floats, Floats],
    hold: Floats,
    separation: tuple[Floats, Floats],
    limits: tuple[float, float],
    may_climb: Booleans,
    before: NDArray[np.int64],
) -> Choice:
    """The course of each row.

    known        which traffic there is (aircraft, row)
    wanted       direction of the route, a unit vector (row,)
    hold         altitude to hold or to go to, m (row,)
    separation   horizontal and vertical, m (aircraft, row)
    limits       rate of turn in rad/s, rate of climb in m/s
    may_climb    rows that may leave `hold` for traffic
    before       number of the last choice
    """
    free = _kept(own, hold, (wanted[0][None], wanted[1][None]), traffic, known, separation, *limits)[0]
    straight = np.clip((hold - own.z) / SETTLING, -limits[1], limits[1])
    choice = Choice(wanted[0].copy(), wanted[1].copy(), straight, np.zeros_like(before), free)
    rows = np.flatnonzero(free < ENOUGH)  # the others have their route free, and nothing costs less
    if not rows.size:
        return choice
    part = _searched(
        Motion(*(each[rows] for each in own)),
        Motion(*(each[:, rows] for each in traffic)),
        known[:, rows],
        (wanted[0][rows], wanted[1][rows]),
        hold[rows],
        (separation[0][:, rows], separation[1][:, rows]),
        limits,
        may_climb[rows],
        before[rows],
    )
    for whole, found in zip(choice, part, strict=True):
        whole[rows] = found
    return choice


def _searched(
    own: Motion,
    traffic: Motion,
    known: Booleans,
    wanted: tuple[Floats, Floats],
    hold: Floats,
    separation: tuple[Floats, Floats],
    limits: tuple[float, float],
    may_climb: Booleans,
    before: NDArray[np.int64],
) -> Choice:
    """As `chosen`, by trying every candidate."""
    turn_rate, climb_rate = limits
    east, north = _turned(wanted)
    turns = len(TURNS)
    to_hold = np.clip((hold - own.z) / SETTLING, -climb_rate, climb_rate)
    climbs = [
        (to_hold, hold),
        (np.full_like(hold, climb_rate), hold + 1e4),
        (np.full_like(hold, -climb_rate), hold - 1e4),
    ]
    kept = np.empty((3 * turns, len(hold)))
    for each, (_, aim) in enumerate(climbs):
        kept[each * turns : (each + 1) * turns] = _kept(
            own, aim, (east, north), traffic, known, separation, turn_rate, climb_rate
        )
    cost = np.concatenate([_COST, _COST + CLIMB, _COST + CLIMB])[:, None] + np.zeros_like(kept)
    cost = cost + np.where(np.arange(len(kept))[:, None] == before, 0.0, CHANGE)
    allowed = np.ones_like(kept, dtype=bool)
    allowed[turns:] = may_climb
    other = np.arange(len(kept))[:, None] != before
    worse = WORSE * (ENOUGH - np.minimum(kept, ENOUGH) + np.where(other, RELUCTANT, 0.0))
    score = np.where(kept >= ENOUGH, cost, WORSE + worse)
    number = np.where(allowed, score, np.inf).argmin(axis=0)
    rows = np.arange(len(hold))
    turn = number % turns
    rates = np.stack([rate for rate, _ in climbs])
    return Choice(east[turn, rows], north[turn, rows], rates[number // turns, rows], number, kept[number, rows])


_COST = np.abs(_ANGLES) / np.pi + np.where(np.array(TURNS) < 0, LEFT, 0.0)


def _turned(wanted: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The direction of the route, turned by each of `TURNS` (turn, row)."""
    east, north = wanted
    sine, cosine = _RIGHT[0][:, None], _RIGHT[1][:, None]
    return east * cosine + north * sine, north * cosine - east * sine


def _kept(
    own: Motion,
    aim: Floats,
    course: tuple[Floats, Floats],
    traffic: Motion,
    known: Booleans,
    separation: tuple[Floats, Floats],
    turn_rate: float,
    climb_rate: float,
) -> Floats:
    """Least separation to any traffic on each course, in separations (turn, row); 2 where there is none near.

    The turn takes its time: until it is done, the mean of the velocities before and after is flown.
    """
    speed = np.sqrt(own.vx * own.vx + own.vy * own.vy)
    vx, vy = speed * course[0], speed * course[1]
    cosine = np.clip((vx * own.vx + vy * own.vy) / np.maximum(speed * speed, 1.0), -1.0, 1.0)
    turning = np.sqrt(2.0 * (1.0 - cosine)) / turn_rate  # the chord for the arc: right to 10 % up to 90 deg
    least = np.full(vx.shape, 2.0)
    courses = _courses(traffic, climb_rate)
    for index, ahead in enumerate(AHEAD):
        in_turn = np.minimum(ahead, turning)
        x = own.x + 0.5 * (own.vx + vx) * in_turn + vx * (ahead - in_turn)
        y = own.y + 0.5 * (own.vy + vy) * in_turn + vy * (ahead - in_turn)
        z = own.z + np.clip(aim - own.z, -climb_rate * ahead, climb_rate * ahead)
        for theirs_x, theirs_y, theirs_z in courses[index]:
            for other in range(len(known)):
                across = ((x - theirs_x[other]) ** 2 + (y - theirs_y[other]) ** 2) / separation[0][other] ** 2
                up = ((z - theirs_z[other]) / separation[1][other]) ** 2
                apart = np.sqrt(np.maximum(across, up))
                least = np.minimum(least, np.where(known[other], apart, 2.0))
    return least


Place = tuple[Floats, Floats, Floats]


def _courses(traffic: Motion, climb_rate: float) -> list[list[Place]]:
    """Where traffic may be at each of `AHEAD`: x, y, z of each (aircraft, row), for each way that it may go on.

    Who turns may end that now or soon, and who has turned far may go on and circle; the altitude is the one that it
    has said.
    """
    square = np.maximum(traffic.vx * traffic.vx + traffic.vy * traffic.vy, 1.0)
    rate = (traffic.vx * traffic.ay - traffic.vy * traffic.ax) / square
    turns, circles = traffic.turned != 0.0, np.abs(traffic.turned) > CIRCLES
    lasting = ((turns, TURN_LASTS), (circles, AHEAD[-1])) if turns.any() else ()
    ways = [(who, _way(traffic, rate, lasts)) for who, lasts in lasting]
    found = []
    for index, ahead in enumerate(AHEAD):
        said = traffic.z + np.clip(traffic.aim - traffic.z, -climb_rate * ahead, climb_rate * ahead)
        z = np.where(np.isnan(traffic.aim), traffic.z + traffic.vz * ahead, said)
        x, y = traffic.x + traffic.vx * ahead, traffic.y + traffic.vy * ahead
        bent = [(np.where(who, way[index][0], x), np.where(who, way[index][1], y), z) for who, way in ways]
        found.append(bent or [(x, y, z)])
    return found


def _way(traffic: Motion, rate: Floats, lasts: float) -> list[tuple[Floats, Floats]]:
    """x and y at each of `AHEAD` of who turns with `rate` (rad/s, to the left) for `lasts` s, and then flies on."""
    x, y, vx, vy, before, found = traffic.x, traffic.y, traffic.vx, traffic.vy, 0.0, []
    for ahead in AHEAD:
        step, turned = ahead - before, max(min(ahead, lasts) - before, 0.0)
        half = np.clip(0.5 * rate * turned, -1.0, 1.0)
        square = half * half
        cosine, sine = (1.0 - square) / (1.0 + square), 2.0 * half / (1.0 + square)
        new_vx, new_vy = vx * cosine - vy * sine, vx * sine + vy * cosine
        x = x + 0.5 * turned * (vx + new_vx) + (step - turned) * new_vx
        y = y + 0.5 * turned * (vy + new_vy) + (step - turned) * new_vy
        vx, vy, before = new_vx, new_vy, ahead
        found.append((x, y))
    return found


def crosses(
    own: Motion, traffic: Motion, known: Booleans, distance: float, altitude: float, horizon: float
) -> Booleans:
    """Which traffic (aircraft, row) will come within `distance` m on its present course, near `altitude` m in height.

    own.z and traffic.z are the altitudes of their routes here: who has left one by agreement is still concerned.
    """
    x, y, vx, vy = (getattr(own, name) - getattr(traffic, name) for name in ("x", "y", "vx", "vy"))
    square = np.maximum(vx * vx + vy * vy, 1e-6)
    when = np.clip(-(x * vx + y * vy) / square, 0.0, horizon)
    miss = np.sqrt((x + when * vx) ** 2 + (y + when * vy) ** 2)
    return np.asarray(known & (miss < distance) & (np.abs(own.z - traffic.z) < altitude))
