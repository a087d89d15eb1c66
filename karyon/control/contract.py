"""What every law of a cooperative level has to keep, tried out: a user's own passes the same as those built in.

    broken(lambda: MyLaw(time_gap=0.9))      an empty list, or what it breaks, in words

It answers one number per row whatever it is told, NaN and absurd numbers included, and a finite one in any ordinary
situation, also where nothing is known of the platoon's leader; a row gets the same bits alone and among others; the
same arguments get the same answer; and it leaves what it is told as it was. What it wants is its own affair: safe
distances and limits cut that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from karyon.control.cooperative import Law
from karyon.control.situation import Floats, Situation

ROWS = 7
SITUATIONS = 40
STEP = 0.05  # s
ABSURD = (np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0)
ORDINARY = {  # least and most
    "gap": (0.0, 150.0),
    "speed": (0.0, 50.0),
    "relative_speed": (-20.0, 20.0),
    "front_command": (-8.0, 3.0),
    "front_speed": (0.0, 50.0),
    "leader_command": (-8.0, 3.0),
    "leader_acceleration": (-8.0, 3.0),
    "leader_speed": (0.0, 50.0),
    "set_speed": (1.0, 50.0),
    "command": (-9.0, 2.0),
    "response": (-9.0, 2.0),
}
OF_LEADER = ("leader_command", "leader_acceleration", "leader_speed")


@dataclass(frozen=True, slots=True)
class _Told:
    """What a law is told once; `ordinary` (row,): nothing absurd in it."""

    seen: Situation
    command: Floats
    response: Floats
    ordinary: np.ndarray

    def copy(self, rows: slice) -> "_Told":
        seen = Situation._make(each[rows].copy() for each in self.seen)
        return _Told(seen, self.command[rows].copy(), self.response[rows].copy(), self.ordinary[rows].copy())


def broken(make: Callable[[], Law]) -> list[str]:
    """What a law breaks, one sentence each; empty where it keeps all."""
    rng = np.random.default_rng(4)
    told = [_told(rng) for _ in range(SITUATIONS)]
    whole, one = slice(None), slice(3, 4)
    try:
        with np.errstate(all="ignore"):
            law = make()
            answers = [_answer(law, each.copy(whole)) for each in told]
            again = [_answer(law, each.copy(whole)) for each in reversed(told)][::-1]
            alone = [_answer(make(), each.copy(one)) for each in told]
            kept = all(_leaves_alone(law, each) for each in told)
    except Exception as error:  # whatever a user's own raises is what is told
        return [f"raises {type(error).__name__}: {error}"]
    return [sentence for sentence, holds in _kept(told, answers, again, alone, kept).items() if not holds]


def _kept(
    told: list[_Told], answers: list[Floats], again: list[Floats], alone: list[Floats], inputs_kept: bool
) -> dict[str, bool]:
    """What a law would break, and whether it keeps it."""
    finite = [np.isfinite(answer) | ~each.ordinary for each, answer in zip(told, answers, strict=True)]
    same = [np.array_equal(first, second, equal_nan=True) for first, second in zip(answers, again, strict=True)]
    apart = [np.array_equal(answer[3:4], single, equal_nan=True) for answer, single in zip(answers, alone, strict=True)]
    return {
        "answers the same situation in two ways": all(same),
        "answers otherwise for a row alone than for the same one among others": all(apart),
        "wants what is no finite number in an ordinary situation": bool(np.all(finite)),
        "changes the arrays that it is told": inputs_kept,
    }


def _told(rng: np.random.Generator) -> _Told:
    """Rows of ordinary situations, some with nothing known of the leader, and some with an absurd number."""
    drawn = {name: rng.uniform(low, high, ROWS) for name, (low, high) in ORDINARY.items()}
    unknown = rng.random(ROWS) < 0.5
    drawn |= {name: np.where(unknown, np.nan, drawn[name]) for name in OF_LEADER}
    absurd = rng.random((len(drawn), ROWS)) < 0.05
    for (name, values), here in zip(tuple(drawn.items()), absurd, strict=True):
        drawn[name] = np.where(here, rng.choice(ABSURD, ROWS), values)
    command, response = drawn.pop("command"), drawn.pop("response")
    return _Told(
        Situation(road_open=rng.random(ROWS) < 0.2, **drawn), command, response, np.logical_not(absurd.any(axis=0))
    )


def _answer(law: Law, told: _Told) -> Floats:
    """What it wants. Raises what the law raises, and ValueError for an answer that is not one number per row."""
    answer = np.asarray(law.acceleration(told.seen, told.command, told.response, STEP), dtype=np.float64)
    if answer.shape != told.command.shape:
        raise ValueError(f"an answer of shape {answer.shape} for {told.command.shape[0]} rows")
    return answer


def _leaves_alone(law: Law, told: _Told) -> bool:
    given = told.copy(slice(None))
    _answer(law, given)
    pairs = [*zip(given.seen, told.seen, strict=True)]
    pairs += [(given.command, told.command), (given.response, told.response)]
    return all(np.array_equal(after, before, equal_nan=True) for after, before in pairs)
