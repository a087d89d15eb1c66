"""What a screen answers first: what ran, what the kernel did and why, did it stay safe, what to look at next."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SWITCHES_SHOWN = 12
AIR = "flight"  # the function of aircraft
START = 5.0  # s: the first rise to the highest level is no news


def run_lines(summary: Mapping[str, Any], events: Sequence[Mapping[str, Any]], out: Path) -> Iterator[str]:
    """The lines that a run ends with."""
    yield from run_heading(summary)
    yield from event_lines(events)
    yield from verdict_lines(summary)
    for warning in summary["warnings"]:
        yield f"warning:   {warning}"
    yield f"files:   {out}"
    moment = next((event["time"] for event in events if event["kind"] == "fault"), 0.0)
    at = f" --at {moment:g}" if moment else ""
    yield f"look closer:   karyon view {out}{at}   or karyon plot {out}"


def run_heading(summary: Mapping[str, Any]) -> Iterator[str]:
    """What ran."""
    told = f"{summary['vehicles']} vehicles · {summary['duration']:g} s · seed {summary['seed']}"
    yield f"{summary['scenario']}   {told}"


def event_lines(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Faults, cut-ins, switches of the level with their rule, violations, what an agreement protocol may not."""
    told = list(_news(events))
    for event in told[:SWITCHES_SHOWN]:
        yield f"{event['time']:8.2f} s   {event.get('who', 'car')} {event['vehicle']}   {event['text']}"
    if len(told) > SWITCHES_SHOWN:
        yield f"           … and {len(told) - SWITCHES_SHOWN} more in events.jsonl"


def verdict_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Did it stay safe."""
    goals, broken = summary["safety_goals"], broken_goals(summary)
    judged = [goal for goal in goals.values() if goal["violated"] is not None]
    unknown = f", {len(goals) - len(judged)} not judged" if len(judged) < len(goals) else ""
    held = f"safety goals {len(judged) - len(broken)} of {len(judged)} held{unknown}"
    yield "   ".join([*_distances(summary), held])
    for name, function in summary["functions"].items():
        latency, bound = function["worst_switch_latency"], function["switch_bound"]
        shares = " · ".join(f"LoS {level} {100 * share:.1f} %" for level, share in function["los_share"].items())
        false = function["false_downgrades"]
        yield f"{name}   {shares}   false downgrades {'not judged' if false is None else false}"
        yield f"{name}   {in_command(latency, bound)}"
    for name in broken:
        yield f"violated:   {name}, {_times(goals[name]['violations'])}"


def broken_goals(summary: Mapping[str, Any]) -> list[str]:
    """Names of the safety goals that the run violated."""
    return [name for name, goal in summary["safety_goals"].items() if goal["violated"]]


def _distances(summary: Mapping[str, Any]) -> list[str]:
    if collisions := summary["collisions"]:
        return [f"{collisions} collision{'s' if collisions != 1 else ''}"]
    if collisions is None:
        return ["collisions and distances are not judged: nobody knows what is true of real devices"]
    if summary["min_gap"] is None:
        return ["no collision", "nobody was ahead"]
    if summary["min_rss_margin"] is None:  # in the air
        return ["no near mid-air collision", f"smallest separation {summary['min_gap']:.0f} m"]
    return ["no collision", f"smallest gap {summary['min_gap']:.1f} m", f"RSS margin {summary['min_rss_margin']:.1f} m"]


def in_command(latency: float, bound: float) -> str:
    """How long data was bad before the kernel took them out of command, and how long it may be; both in s."""
    return f"bad data in command for at most {1000 * latency:.0f} ms, bound {1000 * bound:.0f} ms"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _news(events: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All but the first rise of each car to its highest level, by which it comes into service, at first or later."""
    fallen = set()
    for event in events:
        if event["kind"] == "los":
            if event["to"] < event["from"]:
                fallen.add(event["vehicle"])
            if event["vehicle"] in fallen or (event["time"] > START and not event.get("comes")):
                yield event
        elif event["kind"] in ("fault", "cut_in", "violation", "forced", "agreement"):
            yield event
