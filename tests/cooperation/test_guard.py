"""The guard of an agreement protocol: whatever one answers, nobody is above what was said, and nothing raises."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.cooperation.agreement import Agreement
from karyon.cooperation.guard import Breach, Guarded
from karyon.cooperation.protocol import Protocol, Said

BASE, TOP = 1, 3
FEW = st.integers(1, 4)
ODD = [np.nan, np.inf, -np.inf, 1e300, 2.5, -7, 200, 0, 1, 2, *[3] * 20]  # mostly as if all were well


class Wild(Protocol):
    """Says, counts and agrees to anything that is an array of the right shape."""

    def __init__(self, members, files, base, rng=None):
        super().__init__(members, files, base)
        self.rng = rng

    def numbers(self, *shape):
        return self.rng.choice(ODD, shape)

    def speak(self, admitted):
        shape = admitted.shape
        words = self.rng.integers(0, 2**62, (2, *shape))
        return Said(self.numbers(*shape), self.rng.random(shape) < 0.2, *words)

    def listen(self, heard, came):
        return self.numbers(self.members, self.files)

    @property
    def counted(self):
        return self.rng.random((self.members, self.members, self.files)) < 0.6


@given(members=FEW, files=FEW, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_nobody_is_above_what_was_said(members, files, seed):
    """Vehicle by vehicle: the level is one, and each that is counted on was heard to propose it."""
    rng = np.random.default_rng(seed)
    guarded = Guarded(lambda *sizes: Wild(*sizes, rng), members, files, BASE)
    for _ in range(8):
        admitted = np.minimum(rng.integers(0, 9, (members, files)), TOP).astype(np.int8)
        said = guarded.speak(admitted)
        shape = (members, members, files)
        heard = rng.random(shape) < 0.9
        came = Said._make(np.broadcast_to(each, shape) for each in said)
        levels = guarded.listen(heard, came)
        assert guarded.error is None
        assert levels.dtype == np.int8
        for car, file in np.ndindex(members, files):
            own = said.proposal[car, file]
            assert own == BASE or said.head[car, file] or own <= admitted[car, file]
            if levels[car, file] > BASE:
                others = set(np.flatnonzero(guarded.counted[car, :, file])) - {car}
                assert others
                assert heard[car, list(others), file].all()
                assert levels[car, file] <= min(own, *(said.proposal[one, file] for one in others))
                assert not any(said.head[one, file] for one in {car, *others} - {min({car, *others})})
            assert levels[car, file] >= BASE


class Told(Protocol):
    """Answers what the test tells it to; all count on all."""

    answers: ClassVar = {}

    def speak(self, admitted):
        nothing = np.zeros(admitted.shape, dtype=np.uint64)
        proposal = self.answers.get("proposal", admitted)
        return Said(np.broadcast_to(proposal, admitted.shape), np.zeros(admitted.shape, dtype=bool), nothing, nothing)

    def listen(self, heard, came):
        if "error" in self.answers:
            raise self.answers["error"]
        return np.array(self.answers.get("levels", [[TOP]] * self.members))

    @property
    def counted(self):
        return np.ones((self.members, self.members, self.files), dtype=bool)


@pytest.fixture
def told(monkeypatch):
    """What the protocol answers, and one round of three that all admit the highest level and hear all."""
    answers = {}
    monkeypatch.setattr(Told, "answers", answers)
    guarded = Guarded(Told, 3, 1, BASE)

    def round(**others):
        answers.clear()
        answers.update(others)
        said = guarded.speak(np.full((3, 1), TOP, dtype=np.int8))
        heard = np.ones((3, 3, 1), dtype=bool)
        levels = guarded.listen(heard, Said._make(np.broadcast_to(each, heard.shape) for each in said))
        return said.proposal[:, 0].tolist(), levels[:, 0].tolist()

    round.guarded = guarded
    return round


@pytest.mark.parametrize("wrong", [np.nan, np.inf, TOP + 1, 2.5])
def test_who_is_held_down_says_so_in_the_next_round_and_is_free_again(told, wrong):
    """The others, which heard it propose the level, fall with it then; it is counted once."""
    assert told() == ([TOP] * 3, [TOP] * 3)
    assert told(levels=[[TOP], [wrong], [TOP]]) == ([TOP] * 3, [TOP, BASE, TOP])
    assert told(levels=[[BASE], [TOP], [BASE]]) == ([TOP, BASE, TOP], [BASE] * 3)
    assert told() == ([TOP] * 3, [TOP] * 3)
    assert told.guarded.breaches[Breach.NO_LEVEL, :, 0].tolist() == [0, 1, 0]
    assert told.guarded.breaches.sum() == 1


def test_who_proposes_what_is_no_level_proposes_none(told):
    assert told(proposal=[[TOP], [np.nan], [TOP]], levels=[[BASE]] * 3) == ([TOP, BASE, TOP], [BASE] * 3)
    assert told.guarded.breaches[Breach.NO_LEVEL, :, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"error": RuntimeError("lost")}, "RuntimeError: lost"),
        ({"levels": TOP}, "ValueError: an answer of shape (), where (3, 1) was due"),
        ({"levels": [["3"]] * 3}, "TypeError: an answer of type <U1"),
        ({"levels": [[None]] * 3}, "TypeError: an answer of type object"),
    ],
)
def test_who_fails_is_not_asked_again(told, answers, error):
    """From that round on nobody cooperates, whatever it would answer."""
    told()
    for each in (answers, {}, {}):
        _, levels = told(**each)
        assert levels == [BASE] * 3
        assert told.guarded.error == error
        assert told.guarded.heads.all()
        assert told.guarded.leader[:, 0].tolist() == [0, 1, 2]
    assert told() == ([BASE] * 3, [BASE] * 3)


def test_one_that_cannot_be_made_never_cooperates():
    guarded = Guarded(lambda *_: 1 / 0, 2, 3, BASE)
    assert guarded.error == "ZeroDivisionError: division by zero"
    said = guarded.speak(np.full((2, 3), TOP, dtype=np.int8))
    assert (said.proposal == BASE).all()
    assert said.head.all()


@given(seed=st.integers(0, 2**32 - 1), loss=st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=20, deadline=None)
def test_a_protocol_that_keeps_all_is_left_alone(seed, loss):
    """Ours says and agrees to the same with the guard as without it."""
    rng, (members, files) = np.random.default_rng(seed), (4, 3)
    guarded, free = Guarded(Agreement, members, files, BASE), Agreement(members, files, BASE)
    for _ in range(12):
        admitted = rng.integers(0, TOP + 1, (members, files)).astype(np.int8)
        heard = rng.random((members, members, files)) >= loss
        said, same = guarded.speak(admitted), free.speak(admitted)
        assert all(np.array_equal(one, other) for one, other in zip(said, same, strict=True))
        came = Said._make(np.broadcast_to(each, heard.shape) for each in same)
        assert np.array_equal(guarded.listen(heard, came), free.listen(heard, came))
        assert np.array_equal(guarded.leader, free.leader)
    assert not guarded.breaches.any()
