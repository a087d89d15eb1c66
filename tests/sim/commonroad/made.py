"""CommonRoad files made up for tests: a straight road of lanes, a crossing of two roads, and cars on them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

LANE, STEP = 3.5, 0.1  # m, s
LENGTH, WIDTH = 4.5, 1.8  # m, of all cars
Way = Callable[[float], tuple[float, float, float, float]]  # time in s -> x, y, heading, speed


def bound(name: str, points: list[tuple[float, float]]) -> str:
    inner = "".join(f"<point><x>{x}</x><y>{y}</y></point>" for x, y in points)
    return f"<{name}>{inner}</{name}>"


def lanelet(number: int, begin: tuple[float, float], end: tuple[float, float], after: int | None = None) -> str:
    """From one place to another one in m, straight, `LANE` wide."""
    (x, y), (u, v) = begin, end
    share = 0.5 * LANE / float(np.hypot(u - x, v - y))
    aside = (y - v) * share, (u - x) * share  # to the left
    places = [(x + part * (u - x), y + part * (v - y)) for part in np.linspace(0.0, 1.0, 9)]
    left, right = ([(a + sign * aside[0], b + sign * aside[1]) for a, b in places] for sign in (1.0, -1.0))
    follows = f'<successor ref="{after}"/>' if after is not None else ""
    bounds = bound("leftBound", left) + bound("rightBound", right)
    return f'<lanelet id="{number}">\n{bounds}{follows}<laneletType>urban</laneletType></lanelet>\n'


def car(number: int, way: Way, begin: float, end: float) -> str:
    states = list(_states(way, begin, end))
    size = f"<length>{LENGTH}</length><width>{WIDTH}</width>"
    later = "".join(f"<state>{state}</state>\n" for state in states[1:])
    return (
        f'<dynamicObstacle id="{number}">\n<type>car</type><shape><rectangle>{size}</rectangle></shape>\n'
        f"<initialState>{states[0]}</initialState>\n<trajectory>\n{later}</trajectory></dynamicObstacle>\n"
    )


def _states(way: Way, begin: float, end: float) -> Iterator[str]:
    for step in range(round(begin / STEP), round(end / STEP) + 1):
        x, y, heading, speed = way(step * STEP)
        place = f"<position><point><x>{x:.9f}</x><y>{y:.9f}</y></point></position>"
        turned = f"<orientation><exact>{heading:.9f}</exact></orientation>"
        yield f"{place}{turned}<time><exact>{step}</exact></time><velocity><exact>{speed:.9f}</exact></velocity>"


def written(path: Path, body: str, version: str = "2020a") -> Path:
    if version == "2020a":
        head = "<location><geoNameId>-999</geoNameId><gpsLatitude>999</gpsLatitude><gpsLongitude>999</gpsLongitude>"
        head += "</location><scenarioTags><simulated/></scenarioTags>"
        tags = ""
    else:
        head, tags = "", ' tags="simulated"'
        body = body.replace("<laneletType>urban</laneletType>", "").replace("dynamicObstacle", "obstacle")
        body = body.replace("<type>car</type>", "<role>dynamic</role><type>car</type>")
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<commonRoad timeStepSize="{STEP}" commonRoadVersion="{version}" '
        f'author="A" affiliation="B" source="C" benchmarkID="ZAM_Made-1_1_T-1" date="2026-01-01"{tags}>\n{head}\n'
        f"{body}</commonRoad>\n",
        "utf-8",
    )
    return path


def straight(x: float, lane: float, speed: float, acceleration: float = 0.0) -> Way:
    """Along the lanes from x (m), until it stands; `lane` counts from the right, and need not be whole."""

    def way(t: float) -> tuple[float, float, float, float]:
        moved = t if acceleration >= 0.0 else min(t, -speed / acceleration)
        return x + speed * moved + 0.5 * acceleration * moved**2, LANE * lane, 0.0, speed + acceleration * moved

    return way


def changing(x: float, begin: float, lanes: tuple[int, int], speed: float) -> Way:
    """From one lane to another one within 4 s from `begin` (s) on."""

    def way(t: float) -> tuple[float, float, float, float]:
        share = min(max((t - begin) / 4.0, 0.0), 1.0)
        done = share - np.sin(2.0 * np.pi * share) / (2.0 * np.pi)
        aside = (lanes[1] - lanes[0]) * LANE * (1.0 - np.cos(2.0 * np.pi * share)) / 4.0
        return x + speed * t, LANE * (lanes[0] + done * (lanes[1] - lanes[0])), float(np.arctan2(aside, speed)), speed

    return way


def northwards(y: float, speed: float) -> Way:
    return lambda t: (0.5 * LANE, y + speed * t, 0.5 * np.pi, speed)


def eastwards(x: float, speed: float) -> Way:
    return lambda t: (x + speed * t, -0.5 * LANE, 0.0, speed)


def road(path: Path, cars: str, version: str = "2020a") -> Path:
    """Three lanes along x, from -200 m to 600 m, each of two lanelets."""
    lanes = "".join(
        lanelet(10 + lane, (-200.0, LANE * lane), (200.0, LANE * lane), 20 + lane)
        + lanelet(20 + lane, (200.0, LANE * lane), (600.0, LANE * lane))
        for lane in range(3)
    )
    return written(path, lanes + cars, version)


def crossing(path: Path, cars: str) -> Path:
    """Two roads with a lane each way that cross at the origin; cars keep to the right."""
    half = 0.5 * LANE
    ways = [((half, -200.0), (half, 200.0)), ((-half, 200.0), (-half, -200.0))]
    ways += [((-200.0, -half), (200.0, -half)), ((200.0, half), (-200.0, half))]
    lanes = "".join(lanelet(10 + index, *way) for index, way in enumerate(ways))
    return written(path, lanes + cars)
