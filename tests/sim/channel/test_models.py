"""What the air does to messages: against theory, and link by link against something slow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from karyon.sim.channel import Air, Links
from karyon.sim.channel.fields import Bursts, Fading, Jamming, Jitter, Load
from karyon.sim.channel.models import Bursts as BurstsModel
from karyon.sim.channel.models import Fading as FadingModel
from karyon.sim.channel.models import Jamming as JammingModel
from karyon.sim.channel.models import Latency, within
from karyon.sim.channel.models import Load as LoadModel
from tests.reference import radio as reference

PERIOD = 100_000_000  # ns
SIGMAS = 4.5  # of a share that was counted; one in 150,000 is farther off


def air(links, position, now=0, silent=()):
    position = np.asarray(position, dtype=float)
    return Air.of(links, now, position, np.isin(np.arange(len(position)), silent))


def at_distance(distance, count):
    """Links of `count` pairs of cars, each so far from each other."""
    links = Links.ahead(count, 2)
    return links, air(links, np.tile([distance, 0.0], count))


@pytest.mark.parametrize(("loss", "length"), [(0.02, 5.0), (0.2, 1.25), (0.2, 5.0), (0.5, 20.0), (0.9, 9.0)])
def test_bursts_lose_the_share_and_last_as_long_as_they_say(loss, length):
    """Share by the variance of a Markov chain's mean; lengths against the geometric distribution, by chi square."""
    links = Links.ahead(1, 2001)
    model = BurstsModel(links, [3], Bursts(loss=loss, length=length))
    nothing = air(links, np.zeros(2001))
    lost = np.array([model.loss(nothing) for _ in range(1500)]).astype(bool)
    kept = 1.0 - 1.0 / length - loss / (1.0 - loss) / length  # correlation of one message with the next
    sigma = np.sqrt(loss * (1.0 - loss) * (1.0 + kept) / (1.0 - kept) / lost.size)
    assert abs(lost.mean() - loss) <= SIGMAS * sigma
    assert abs(lost[0].mean() - loss) <= SIGMAS * np.sqrt(loss * (1.0 - loss) / 2000)  # from the first message on
    lengths = lengths_of_bursts(lost[:, :400])
    longest = int(stats.geom.ppf(1.0 - 50.0 / len(lengths), 1.0 / length)) + 1
    counted = np.bincount(np.minimum(lengths, longest), minlength=longest + 1)[1:]
    theory = stats.geom.pmf(np.arange(1, longest + 1), 1.0 / length)
    theory[-1] = stats.geom.sf(longest - 1, 1.0 / length)
    if longest > 1:
        assert stats.chisquare(counted, theory * len(lengths)).pvalue > 1e-4


def lengths_of_bursts(lost):
    """Of bursts that begin within the first 1,000 of 1,500 messages: none of them is cut off."""
    found = []
    for link in lost.T:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], link, [False]]).astype(int)))
        begins, ends = edges[::2], edges[1::2]
        inside = (begins > 0) & (begins < 1000)
        found.append((ends - begins)[inside])
    return np.concatenate(found)


@pytest.mark.parametrize("m", [0.5, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("distance", [20.0, 100.0, 200.0, 400.0])
def test_reception_fades_by_the_gamma_distribution(m, distance):
    """Against scipy's survival function, from the power in milliwatts."""
    settings = Fading(m=m)
    links, nothing = at_distance(distance, 4000)
    model = FadingModel(links, [5] * 1 + list(range(10, 4009)), settings)
    heard = np.concatenate([1.0 - model.loss(nothing) for _ in range(10)])
    mean = 10 ** ((settings.power - settings.reference_loss) / 10) / distance**settings.exponent  # mW
    wanted = stats.gamma.sf(10 ** (settings.sensitivity / 10), a=m, scale=mean / m)
    sigma = np.sqrt(wanted * (1.0 - wanted) / heard.size)
    assert abs(heard.mean() - wanted) <= SIGMAS * sigma + 1.0 / heard.size


def test_fading_hears_nothing_from_nowhere():
    links = Links.ahead(1, 2)
    assert FadingModel(links, [1], Fading()).loss(air(links, [np.nan, 0.0])).tolist() == [1.0]


positions = st.lists(st.integers(-20, 20).map(lambda n: 100.0 * n), min_size=5, max_size=5)


@given(positions, st.sets(st.integers(0, 4)), st.sampled_from([0, 3, 40, 400]))
def test_load_counts_senders_as_one_does_by_hand(position, silent, others):
    """On every link, those within range to the centimetre included."""
    settings = Load(airtime=0.005, range=500.0, others=others)
    links = Links.everyone(1, 5)
    loss = LoadModel(links, [1], settings, period=0.1).loss(air(links, position, silent=list(silent)))
    is_silent = [car in silent for car in range(5)]
    wanted = [
        reference.load_loss(position, is_silent, receiver, sender, 500.0, 0.05, others)
        for receiver in range(5)
        for sender in range(5)
    ]
    assert loss == pytest.approx(wanted, abs=1e-12)


def test_more_senders_lose_more():
    """And none alone on the road loses anything worth mentioning."""
    losses = []
    for others in (0, 10, 50, 100, 200, 1000):
        links, nothing = at_distance(50.0, 1)
        losses.append(float(LoadModel(links, [1], Load(others=others), period=0.1).loss(nothing)[0]))
    assert losses == sorted(losses)
    assert losses[0] < 1e-4
    assert losses[-1] > 0.8


@pytest.mark.parametrize(("mean", "sigma"), [(0.05, None), (0.05, 0.02), (0.02, 0.06)])
def test_latency_is_gamma_distributed(mean, sigma):
    """By Kolmogorov and Smirnov; exponential where only a mean is given."""
    links, nothing = at_distance(10.0, 1)
    model = Latency(links, [1], Jitter(mean=mean, sigma=sigma))
    drawn = np.concatenate([model.delay(nothing) for _ in range(5000)])
    spread = mean if sigma is None else sigma
    theory = stats.gamma(a=(mean / spread) ** 2, scale=spread**2 / mean)
    assert stats.kstest(drawn, theory.cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("period", "jammed"),
    [
        ({}, [0, 1, 2, 3]),
        ({"vehicles": (1, 3)}, [1, 3]),
        ({"place": 100.0, "range": 50.0}, [1, 2]),
        ({"place": 100.0, "range": 50.0, "vehicles": (2, 3)}, [2]),
    ],
)
def test_a_jammer_silences_receivers_near_it_or_named(period, jammed):
    """From its start until just before its end, whoever sends."""
    links, cars = Links.everyone(2, 4), np.tile([200.0, 150.0, 50.0, 0.0], 2)
    model = JammingModel(links, [1, 2], [Jamming(start=1.0, end=2.0, **period)])
    for now, is_on in ((0.999, False), (1.0, True), (1.9, True), (2.0, False)):
        loss = model.loss(air(links, cars, round(now * 1e9))).reshape(2, 4, 4)
        wanted = np.zeros((2, 4, 4))
        if is_on:
            wanted[:, jammed] = 1.0
        assert np.array_equal(loss, wanted)


def test_who_does_not_send_is_not_heard():
    links = Links.everyone(1, 3)
    heard = within(links, air(links, [0.0, 10.0, 500.0], silent=[1]), 100.0)
    assert heard.tolist() == [[True, False, False], [True, False, False], [False, False, True]]


@pytest.mark.parametrize("among", [Links.ahead, Links.everyone])
def test_each_row_finds_the_link_to_the_car_ahead(among):
    links = among(3, 4)
    rows = [car for car in range(12) if car % 4]
    assert links.receiver[links.of_car_ahead].tolist() == rows
    assert links.sender[links.of_car_ahead].tolist() == [car - 1 for car in rows]
    assert (links.receiver // 4 == links.sender // 4).all()
