"""A check that is silent is not heard, and what it alone sees goes unseen: what an ablation is made of."""

import pytest

from karyon.perception.following import CHECKS
from karyon.sim.documents import InputError
from karyon.sim.run import simulate
from karyon.sim.scenario import read

SEEN_BY = {  # of each check a failure that shows to it sooner than to any other, or to it alone
    "sanity": "{signal: own.position, mode: clock_offset, offset: 5}",
    "radar": "{signal: front.distance, mode: drift, rate: 3}",
    "closing": "{signal: front.relative_speed, mode: drift, rate: -1}",
    "wheel": "{signal: own.acceleration, mode: offset, amplitude: 4}",
    "place": "{signal: own.position, mode: drift, rate: 4}",
    "road": "{signal: lead.message.position, mode: drift, rate: -1.5}",
    "apart": "{signal: lead.message.position, mode: offset, amplitude: -15, onset: 0}",
    "noise": "{signal: front.relative_speed, mode: noise, sigma: 0.35}",
    "track": "{signal: lead.message, mode: replay, delay: 3}",
}


def doubts(check, silent):
    """When and what is doubted while this check's failure lasts."""
    fault = SEEN_BY[check].replace("{", "{vehicle: 1, ")
    fault = fault if "onset" in fault else fault.replace("}", ", onset: 4}")
    settings = ["duration=9", "leader.speed=[[0, 25], [3, 20], [7, 24]]", f"faults=[{fault}]"]
    loaded = read("acc_profile", [*settings, f"perception.silent=[{silent}]"], seed=3)
    events = simulate([loaded], [None])[0].events
    return [
        (event["time"], event["text"])
        for event in events
        if event["kind"] == "detection" and "doubted" in event["text"]
    ]


@pytest.mark.parametrize("check", CHECKS)
def test_what_a_check_sees_is_seen_later_or_never_where_it_is_silent(check):
    heard, silent = doubts(check, ""), doubts(check, check)
    assert heard
    assert silent != heard
    assert not silent or silent[0][0] >= heard[0][0]


def test_there_is_no_other_check_to_silence():
    with pytest.raises(InputError, match="did you mean `radar`"):
        read("acc_profile", ["perception.silent=[rader]"])
