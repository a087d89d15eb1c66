"""Agreement of groups: the bits of a slow reference, and what it promises under any loss, crash and lie."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.cooperation import agreement
from karyon.cooperation.agreement import ANY, LEAVE, MOST, REST, Agreement
from karyon.cooperation.protocol import Said
from tests.reference.agreement import Vehicle

BASE, TOP = 1, 3


class Groups:
    """Groups of vehicles that talk, round by round; what each tells each can be lost, or told otherwise."""

    def __init__(self, members, groups):
        self.protocol, self.shape = Agreement(members, groups, BASE), (members, groups)

    def round(self, admitted, heard, told=None, echoed=None, headed=None):
        """Levels after one more round (member, file); `heard` and what is told otherwise are (receiver, sender, file).

        `told` and `headed` say what else than the truth is told of the level and of who heads; negative: the truth.
        """
        said = self.protocol.speak(admitted)
        proposal, head, view, echo = (np.broadcast_to(each, heard.shape) for each in said)
        proposal = proposal if told is None else np.where(told >= 0, told, proposal).astype(np.int8)
        head = head if headed is None else np.where(headed >= 0, headed > 0, head)
        echo = echo if echoed is None else np.where(echoed > 0, echoed, echo).astype(np.uint64)
        return self.protocol.listen(heard, Said(proposal, head, view, echo))

    def everyone(self):
        return np.ones((self.shape[0], *self.shape), dtype=bool)

    def all_admit(self, level=TOP):
        return np.full(self.shape, level, dtype=np.int8)

    def heads(self):
        """Who counts on nobody ahead, in the first file."""
        return (self.protocol.counted[..., 0].argmax(axis=1) == np.arange(self.shape[0])).tolist()

    def settle(self, rounds=3):
        for _ in range(rounds):
            levels = self.round(self.all_admit(), self.everyone())
        return levels


def apart(levels, counted, honest):
    """Who acts on a level that needs cooperation while one it counts on is on another (one, other, file)."""
    both = counted & honest[:, None] & honest[None]
    return both & (levels[:, None] > BASE) & (levels[:, None] != levels[None])


def test_who_hears_all_has_the_lowest_that_was_said():
    """In the second round after they met: know each other, then propose and agree."""
    groups = Groups(4, 2)
    admitted = groups.all_admit()
    admitted[2, 1] = 2
    seen = [groups.round(admitted, groups.everyone()).copy() for _ in range(3)]
    assert (seen[0] == BASE).all()
    assert seen[1].tolist() == seen[2].tolist() == [[TOP, 2]] * 4


def test_who_misses_one_falls_at_once_and_the_others_one_round_later():
    groups = Groups(3, 1)
    assert (groups.settle(4) == TOP).all()
    heard = groups.everyone()
    heard[0, 2] = False
    assert groups.round(groups.all_admit(), heard)[:, 0].tolist() == [BASE, TOP, TOP]
    assert groups.round(groups.all_admit(), groups.everyone())[:, 0].tolist() == [BASE, BASE, BASE]
    assert groups.round(groups.all_admit(), groups.everyone())[:, 0].tolist() == [TOP, TOP, TOP]


def test_the_file_splits_at_a_vehicle_that_cannot_cooperate():
    """Nobody falls: not those ahead of it, nor those behind, who follow it from now on."""
    groups = Groups(6, 1)
    groups.settle(4)
    admitted = groups.all_admit()
    admitted[3] = 0
    for _ in range(4):
        assert (groups.round(admitted, groups.everyone())[[0, 1, 2, 4, 5]] == TOP).all()
        assert groups.protocol.leader[:, 0].tolist() == [0, 0, 0, 3, 3, 3]


def test_and_merges_when_it_can_again():
    """Again nobody falls, when all hear of it; but the one itself, which needs a round to be taken in."""
    groups = Groups(6, 1)
    admitted = groups.all_admit()
    admitted[3] = 1
    for _ in range(4):
        groups.round(admitted, groups.everyone())
    for _ in range(4):
        assert (groups.round(groups.all_admit(), groups.everyone()) == TOP).all()
    assert groups.protocol.leader[:, 0].tolist() == [0] * 6


@pytest.mark.parametrize("place", [0, 2, 5])
def test_who_was_alone_costs_nobody_a_round_when_it_is_back(place):
    """It has missed nobody, and proposes at once what its rules admit; whether it headed, or was not heard."""
    for admitted, heard in (lonely(place), silent(place)):
        groups = Groups(6, 1)
        for _ in range(LEAVE + 4):
            groups.round(admitted, heard)
        others = np.arange(6) != place
        for number in range(3):
            levels = groups.round(groups.all_admit(), groups.everyone())
            assert (levels[others] == TOP).all()
            assert levels[place, 0] == (BASE if number == 0 else TOP)


def lonely(place):
    """The car at this place heads a group, as does the one behind it."""
    admitted = np.full((6, 1), TOP, dtype=np.int8)
    admitted[place : place + 2] = BASE
    return admitted, np.ones((6, 6, 1), dtype=bool)


def silent(place):
    """The car at this place neither hears nor is heard."""
    heard = np.ones((6, 6, 1), dtype=bool)
    heard[place] = heard[:, place] = False
    return np.full((6, 1), TOP, dtype=np.int8), heard


def test_who_did_not_hear_of_a_split_falls_and_the_others_of_its_group_one_round_later():
    groups = Groups(5, 1)
    groups.settle(4)
    admitted, heard = groups.all_admit(), groups.everyone()
    admitted[3] = 0
    heard[1, 3] = False
    assert groups.round(admitted, heard)[:, 0].tolist() == [TOP, BASE, TOP, TOP, TOP]
    for _ in range(2):  # its view is the old one, and then all of them propose the base
        assert groups.round(admitted, groups.everyone())[:, 0].tolist() == [BASE, BASE, BASE, TOP, TOP]
    assert groups.round(admitted, groups.everyone())[:, 0].tolist() == [TOP, TOP, TOP, TOP, TOP]


def test_who_did_not_hear_of_a_merger_is_missed_by_nobody_for_longer_than_a_round():
    groups = Groups(4, 1)
    admitted, heard = groups.all_admit(), groups.everyone()
    admitted[2] = 0
    for _ in range(4):
        groups.round(admitted, groups.everyone())
    heard[0, 2] = False
    groups.round(groups.all_admit(), heard)  # all but 0 take it in from the next round on
    assert (groups.round(groups.all_admit(), groups.everyone()) == BASE).all()
    for _ in range(2):
        levels = groups.round(groups.all_admit(), groups.everyone())
    assert (levels == TOP).all()


def test_a_former_head_waits_for_those_ahead_of_it():
    """Those behind it are no reason to follow the one ahead more closely: in the round of the merger it still heads."""
    groups = Groups(4, 1)
    admitted = groups.all_admit()
    admitted[2] = 0
    for _ in range(4):
        groups.round(admitted, groups.everyone())
    assert groups.heads() == [True, False, True, False]
    apart_ahead = groups.everyone()
    apart_ahead[0, 1] = apart_ahead[1, 0] = False
    assert groups.round(groups.all_admit(), apart_ahead)[:, 0].tolist() == [BASE, BASE, TOP, TOP]
    assert groups.heads() == [True, False, True, False]
    assert (groups.round(groups.all_admit(), groups.everyone()) == BASE).all()
    assert groups.heads() == [True, False, False, False]


def test_the_first_in_file_heads_with_no_word():
    groups = Groups(3, 1)
    admitted = groups.all_admit()
    admitted[0] = 0
    for _ in range(4):
        levels = groups.round(admitted, groups.everyone())
    assert (levels == TOP).all()


@pytest.mark.requirement("TSR12")
@given(
    members=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    loss=st.floats(0.0, 1.0),
    rounds=st.integers(1, 40),
    lies=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_it_is_the_slow_reference(members, seed, loss, rounds, lies):
    """Levels, views and who rests, over losses, joins, leaves, crashes and lies to some."""
    rng, groups, named = np.random.default_rng(seed), 2, range(members)
    fast = Groups(members, groups)
    slow = [[Vehicle(name, BASE, LEAVE, REST) for name in named] for _ in range(groups)]
    out = np.zeros(fast.shape, dtype=bool)
    for _ in range(rounds):
        out ^= rng.random(fast.shape) < 0.05
        crashed = out & (rng.random(fast.shape) < 0.2)
        admitted = rng.integers(0, TOP + 1, fast.shape).astype(np.int8)
        heard = (rng.random((members, members, groups)) >= loss) & ~out[None] & ~out[:, None]
        told = rng.integers(0, TOP + 1, heard.shape) if lies else np.full(heard.shape, -1)
        told = np.where(rng.random(heard.shape) < 0.02, told, -1)
        headed = np.where(rng.random(heard.shape) < 0.02 * lies, rng.integers(0, 2, heard.shape), -1)
        fast.protocol.forget(crashed)
        levels = fast.round(admitted, heard, told, headed=headed)
        for group in range(groups):
            vehicles = slow[group]
            for name in np.flatnonzero(crashed[:, group]):
                vehicles[name].begin()
            said = [vehicles[name].speak(int(admitted[name, group])) for name in named]
            for name in named:
                came = {}
                for one in set(np.flatnonzero(heard[name, :, group])) - {name}:
                    level, head = told[name, one, group], headed[name, one, group]
                    came[one] = replace(
                        said[one],
                        proposal=said[one].proposal if level < 0 else int(level),
                        head=said[one].head if head < 0 else bool(head),
                    )
                assert vehicles[name].listen(came) == levels[name, group]
                assert set(np.flatnonzero(fast.protocol.known[name, :, group])) == vehicles[name].known
                assert fast.protocol.leader[name, group] == min(vehicles[name].group(vehicles[name].heads))
                assert fast.protocol.rests[name, group] == (vehicles[name].resting > 0)


def test_who_tells_different_things_ends_cooperation_for_a_while():
    groups = Groups(3, 1)
    groups.settle(4)
    told = np.full((3, 3, 1), -1)
    told[0, 2] = BASE
    assert groups.round(groups.all_admit(), groups.everyone(), told)[:2, 0].tolist() == [BASE, TOP]
    seen = [groups.round(groups.all_admit(), groups.everyone())[:2, 0].tolist() for _ in range(REST + 3)]
    assert all(levels == [BASE, BASE] for levels in seen[:REST])
    assert seen[-1] == [TOP, TOP]


def test_a_made_up_echo_costs_service_only():
    groups = Groups(3, 1)
    groups.settle(4)
    echoed = np.zeros((3, 3, 1))
    echoed[:, 1] = 12345
    assert (groups.round(groups.all_admit(), groups.everyone(), echoed=echoed)[[0, 2]] == BASE).all()
    assert groups.protocol.rests[[0, 2]].all()


@pytest.mark.parametrize("admitted", [2, TOP])
def test_levels_rise_again_when_messages_flow(admitted):
    """After any past, within as many rounds as it takes to forget who has gone, and three."""
    losses = np.linspace(0.0, 1.0, 40)
    rng = np.random.default_rng(3)
    groups = Groups(4, 40)
    for _ in range(30):
        groups.round(groups.all_admit(), rng.random((4, 4, 40)) >= losses)
    for _ in range(LEAVE + 3):
        levels = groups.round(groups.all_admit(admitted), groups.everyone())
    assert (levels == admitted).all()


def test_who_leaves_is_missed_until_it_has_left():
    groups = Groups(4, 1)
    groups.settle(4)
    heard = groups.everyone()
    heard[:, 3] = heard[3] = False
    seen = [groups.round(groups.all_admit(), heard)[:3, 0].tolist() for _ in range(LEAVE + 3)]
    assert all(levels == [BASE] * 3 for levels in seen[:LEAVE])
    assert seen[-1] == [TOP] * 3
    assert not groups.protocol.known[:3, 3].any()


def test_nobody_acts_on_a_level_that_a_newcomer_has_not_agreed_to():
    """One of them hears it first: until all know it, no view is that of all."""
    groups = Groups(4, 1)
    heard = groups.everyone()
    heard[:, 3] = heard[3] = False
    for _ in range(4):
        levels = groups.round(groups.all_admit(), heard)
    assert (levels[:3] == TOP).all()
    heard[0, 3] = True
    groups.round(groups.all_admit(), heard)
    assert (groups.round(groups.all_admit(), heard) == BASE).all()


@pytest.mark.parametrize("members", [1, 3])
def test_who_is_alone_has_nobody_to_cooperate_with(members):
    groups = Groups(members, 1)
    for _ in range(LEAVE + 4):
        assert (groups.round(groups.all_admit(), ~groups.everyone()) == BASE).all()


def test_a_crash_forgets_all():
    groups = Groups(3, 1)
    groups.settle(4)
    groups.protocol.forget(np.array([[True], [False], [False]]))
    assert groups.protocol.agreed[:, 0].tolist() == [BASE, TOP, TOP]
    assert (groups.round(groups.all_admit(), groups.everyone()) == BASE).all()


@given(members=st.integers(2, 8), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_whatever_is_said_raises_no_level(members, seed):
    """Any number as a proposal, view or echo: never above what was proposed, and nothing raises."""
    rng = np.random.default_rng(seed)
    protocol = Agreement(members, 1, BASE)
    for _ in range(12):
        admitted = rng.integers(-128, 128, (members, 1)).astype(np.int8)
        own = protocol.speak(admitted)
        shape = (members, members, 1)
        view = np.where(rng.random(shape) < 0.7, own.view, rng.integers(0, 2**63, shape)).astype(np.uint64)
        proposal, head = rng.integers(-128, 128, shape).astype(np.int8), rng.random(shape) < 0.2
        echo = rng.integers(0, 2, shape).astype(np.uint64)
        levels = protocol.listen(rng.random(shape) < 0.9, Said(proposal, head, view, echo))
        assert (levels >= BASE).all()
        assert (levels <= np.maximum(BASE, own.proposal)).all()


LIES = ("high", "low", "to each something else", "old rounds", "anything")


@given(
    lie=st.sampled_from(LIES),
    members=st.integers(2, 7),
    seed=st.integers(0, 2**32 - 1),
    loss=st.sampled_from([0.0, 0.1, 0.4]),
    ago=st.integers(1, 6),
)
@settings(max_examples=120, deadline=None)
def test_a_liar_costs_service_and_no_more(lie, members, seed, loss, ago):
    """Nobody who is honest acts above what an honest one that it knows has proposed, nor apart for over a round."""
    rng, groups = np.random.default_rng(seed), 8
    group = Groups(members, groups)
    protocol, past, lasting = group.protocol, [], np.zeros((members, members, groups), dtype=int)
    liar = int(rng.integers(members))
    honest = np.arange(members) != liar
    admitted = group.all_admit()
    for _ in range(50):
        admitted = np.where(rng.random(group.shape) < 0.05, rng.integers(0, TOP + 1, group.shape), admitted)
        truth = protocol.speak(admitted.astype(np.int8))
        shape = (members, members, groups)
        said = [np.broadcast_to(each, shape).copy() for each in truth]
        past.append([each.copy() for each in said])
        tell(lie, said, liar, past[max(0, len(past) - 1 - ago)], rng)
        levels = protocol.listen(rng.random(shape) >= loss, Said(*said))
        counted = protocol.counted & honest[None, :, None]
        lowest = np.where(counted, np.broadcast_to(truth.proposal, shape), ANY).min(axis=1)
        assert (levels[honest] <= np.maximum(BASE, lowest)[honest]).all()
        both = apart(levels, protocol.counted, np.repeat(honest[:, None], groups, axis=1))
        lasting = np.where(both, lasting + 1, 0)
        assert lasting.max() <= 1


def tell(lie, said, liar, old, rng):
    """What the liar says to each takes the place of the truth in `said`: proposal, head, view, echo."""
    proposal, head, view, echo = (each[:, liar] for each in said)
    if lie == "high":
        proposal[:] = TOP
    elif lie == "low":
        proposal[:] = BASE
    elif lie == "to each something else":
        proposal[:] = rng.integers(BASE, TOP + 1, proposal.shape)
    elif lie == "old rounds":
        for new, before in zip(said, old, strict=True):
            new[:, liar] = before[:, liar]
    else:
        proposal[:] = rng.integers(-128, 128, proposal.shape)
        head[:] = rng.random(head.shape) < 0.3
        view[:] = np.where(rng.random(view.shape) < 0.5, view, rng.integers(0, 2**63, view.shape).astype(np.uint64))
        echo[:] = np.where(rng.random(echo.shape) < 0.5, echo, rng.integers(0, 3, echo.shape).astype(np.uint64))


def test_made_up_members_are_missed_when_they_fall_silent_and_then_forgotten():
    """They speak as the one who made them up does: nobody can tell, until they are quiet."""
    groups = Groups(5, 1)  # three cars, and room for two more
    spoken = {True: 6, False: LEAVE + 4}
    seen = []
    for speaks, rounds in spoken.items():
        for _ in range(rounds):
            truth = groups.protocol.speak(groups.all_admit())
            for told in truth:
                told[3:] = told[2]
            heard = groups.everyone()
            heard[:, 3:] = speaks
            heard[3:] = False
            said = Said._make(np.broadcast_to(each, heard.shape) for each in truth)
            seen.append(groups.protocol.listen(heard, said)[:3, 0].tolist())
    assert seen[5] == [TOP] * 3
    assert seen[6:][: LEAVE - 1] == [[BASE] * 3] * (LEAVE - 1)
    assert seen[-1] == [TOP] * 3


def test_digests_differ():
    """Of all vectors of four proposals, known or not."""
    vectors = np.array(np.meshgrid(*[range(4)] * 4)).reshape(4, -1).astype(np.int8)
    known = np.ones((1, 4, vectors.shape[1]), dtype=bool)
    digests = agreement._digest(np.full((1, vectors.shape[1]), np.uint64(15)), known, vectors[None])
    assert len(np.unique(digests)) == 256
    assert agreement.NOTHING not in digests


def test_views_differ():
    """Of all sets of ten, wherever these are in a long file."""
    sets = np.array(np.meshgrid(*[[False, True]] * 10)).reshape(10, -1)
    for places in (np.arange(10), 100 * np.arange(10), np.arange(MOST - 10, MOST)):
        counted = np.zeros((1, MOST, sets.shape[1]), dtype=bool)
        counted[:, places] = sets
        assert len(np.unique(agreement._view(counted))) == 2**10


def test_a_long_file_agrees_as_one_and_splits():
    """Who has not heard of a merger is missed, wherever in the file."""
    groups = Groups(150, 1)
    assert (groups.settle(2) == TOP).all()
    admitted = groups.all_admit()
    admitted[120] = BASE
    assert (np.delete(groups.round(admitted, groups.everyone()), 120) == TOP).all()
    heard = groups.everyone()
    heard[70, 120] = False
    groups.round(groups.all_admit(), heard)
    assert (groups.round(groups.all_admit(), groups.everyone()) == BASE).all()
    levels = [groups.round(groups.all_admit(), groups.everyone()) for _ in range(2)]
    assert (levels[-1] == TOP).all()
    assert groups.protocol.leader.max() == 0


@pytest.mark.parametrize("members", [0, MOST + 1])
def test_a_group_has_a_size(members):
    with pytest.raises(ValueError, match=f"found {members}"):
        Agreement(members, 1, BASE)
