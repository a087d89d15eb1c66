"""What every agreement protocol keeps, ours and the one of the manual; and that breaking it is noticed."""

import numpy as np
import pytest

from karyon.cooperation.agreement import Agreement
from karyon.cooperation.contract import ALONE, BASE, FILES, MEMBERS, TOP, broken, played
from karyon.cooperation.protocol import Protocol
from tests.blocks import files

names = {}
exec(files("agreement.md")["my_protocol.py"], names)  # the manual's own words
AllOrNone = names["AllOrNone"]
ALL = pytest.mark.parametrize("protocol", [Agreement, AllOrNone], ids=["shipped", "manual"])


@ALL
@pytest.mark.parametrize("seed", range(3))
def test_it_keeps_what_a_protocol_has_to_keep(protocol, seed):
    assert broken(protocol, rounds=150, seed=seed) == []


@ALL
@pytest.mark.parametrize("members", [3, 8])
def test_no_two_are_apart_for_more_than_a_round_in_100_000(protocol, members):
    """With no loss to all lost, singly and in bursts, while cars leave their group and come back to it."""
    files, rounds = 250, 400
    heard = played(protocol, members, rounds, seed=7, lies=False, losses=np.linspace(0.0, 1.0, files) ** 4)
    assert files * rounds == 100_000
    assert heard.disagreement.longest.max() == 1
    assert heard.disagreement.apart.sum() > 500
    assert (heard.levels > BASE).mean() > 0.05


@ALL
def test_nor_where_one_of_them_lies(protocol):
    heard = played(protocol, 4, 400, seed=8, lies=True, losses=np.linspace(0.0, 0.6, 60))
    assert heard.disagreement.longest.max() == 1
    assert not heard.guarded.breaches.any()
    assert (heard.levels > BASE).mean() > 0.02


def test_the_trial_has_cars_that_leave_their_group_and_come_back():
    """Else it would prove nothing about splits and mergers."""
    leaders = []

    class Watched(Agreement):
        def listen(self, heard, came):
            levels = super().listen(heard, came)
            leaders.append(self.leader)
            return levels

    played(Watched, max(MEMBERS), 40, seed=4, lies=False)
    seen = np.stack(leaders)
    assert (seen[1:] > seen[:-1]).sum() > 50
    assert (seen[1:] < seen[:-1]).sum() > 50


class Deaf(AllOrNone):
    """Does not care who was heard."""

    def listen(self, heard, came):
        return super().listen(np.ones_like(heard), came)


class Trusting(AllOrNone):
    """Compares no echoes."""

    def listen(self, heard, came):
        return super().listen(heard, came._replace(echo=np.broadcast_to(self.echo[:, None], heard.shape)))


class Forgetful(Trusting):
    """And proposes whatever its rules admit after it has missed one."""

    def speak(self, admitted):
        self.complete[:] = True
        return super().speak(admitted)


class High(AllOrNone):
    """The most where all were heard, whatever they have said."""

    def listen(self, heard, came):
        return np.where(super().listen(heard, came) > self.base, TOP, self.base)


class Nothing(AllOrNone):
    """No number where it would cooperate."""

    def listen(self, heard, came):
        levels = super().listen(heard, came)
        return np.where(levels > self.base, np.nan, levels)


class Lonely(AllOrNone):
    """Counts on nobody."""

    counted = property(lambda self: np.zeros((self.members, self.members, self.files), dtype=bool))


class Never(AllOrNone):
    """Does not cooperate."""

    def listen(self, heard, came):
        return np.full_like(super().listen(heard, came), self.base)


class Crowd(AllOrNone):
    """A file feels the others."""

    def listen(self, heard, came):
        levels = super().listen(heard, came)
        return levels if (levels > self.base).mean() > 0.2 else np.full_like(levels, self.base)


class Chance(AllOrNone):
    """Random numbers that go on from trial to trial."""

    rng = np.random.default_rng(3)

    def listen(self, heard, came):
        levels = super().listen(heard, came)
        return np.where(self.rng.random(levels.shape) < 0.9, levels, self.base)


class Writing(AllOrNone):
    """Into what it is told."""

    def listen(self, heard, came):
        heard[:] = True
        return super().listen(heard, came)


class Single(AllOrNone):
    """One level for all."""

    def listen(self, heard, came):
        return super().listen(heard, came).min()


class Named(AllOrNone):
    """Levels by their names."""

    def listen(self, heard, came):
        return super().listen(heard, came).astype(str)


class Sized(AllOrNone):
    """Not for every file."""

    def __init__(self, members, files, base):
        if members > 3:
            raise ValueError("too many")
        super().__init__(members, files, base)


NO_LEVEL = "proposes or agrees to what is no level, or more than its own rules admit"
APART = "leaves two that count on each other on different levels for more than one round"


@pytest.mark.parametrize(
    ("protocol", "breach"),
    [
        (Deaf, "cooperates although one that it counts on was not heard, or counting on nobody"),
        (Lonely, "cooperates although one that it counts on was not heard, or counting on nobody"),
        (High, "agrees to more than one that it counts on has proposed"),
        (High, NO_LEVEL),
        (Nothing, NO_LEVEL),
        (Forgetful, APART),
        (Trusting, f"{APART}, where a third one lies"),
        (Never, "agrees on less than all propose, 12 rounds after the last loss"),
        (Chance, "answers the same rounds in two ways"),
        (Crowd, "answers otherwise for a file alone than among others"),
        (Writing, "raises ValueError: assignment destination is read-only"),
        (Single, f"raises ValueError: an answer of shape (), where (2, {FILES}) was due"),
        (Named, "raises TypeError: an answer of type <U"),
        (Sized, "raises ValueError: too many"),
        (Protocol, "raises NotImplementedError: "),
    ],
)
def test_a_breach_is_told(protocol, breach):
    assert any(told.startswith(breach) for told in broken(protocol))


def test_some_file_is_there_to_be_tried_alone():
    assert ALONE.stop <= FILES
