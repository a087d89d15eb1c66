"""What every model of the radio has to keep, tried out: a user's own passes the same as those built in.

    broken(MyModel)      an empty list, or what it breaks, in words

For any transmission, absurd ones included, it answers one probability from 0 to 1 per link, and one delay of 0 s or
more. A run gets the same bits alone and in a batch, and at each repetition.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from karyon.sim.channel.links import Air, Floats, LinkModel, Links

Factory = Callable[[Links, Sequence[int]], LinkModel]
Among = Callable[[int, int], Links]

MEMBERS = 5
SEEDS: tuple[int, ...] = (11, 22, 33)
ALONE = 1  # the run that is repeated alone
TRANSMISSIONS = 60
PERIOD = 100_000_000  # ns
ABSURD = (np.nan, 1e300, -1e300, 0.0)  # m


def broken(factory: Factory, among: Sequence[Among] = (Links.ahead, Links.everyone)) -> list[str]:
    """What a model breaks, one sentence each; empty where it keeps all. `among`: the links that it must know."""
    found: list[str] = []
    for links_of in among:
        found += [each for each in _broken(factory, links_of) if each not in found]
    return found


def _broken(factory: Factory, links_of: Among) -> Iterator[str]:
    every = slice(0, len(SEEDS))
    try:
        batch, again = (_answers(factory, links_of, every) for _ in range(2))
        alone = _answers(factory, links_of, slice(ALONE, ALONE + 1))
    except Exception as error:  # whatever a user's own raises is what is told
        yield f"raises {type(error).__name__}: {error}"
        return
    if not ((batch[:, 0] >= 0.0) & (batch[:, 0] <= 1.0)).all():
        yield "answers a loss that is no probability from 0 to 1"
    if not ((batch[:, 1] >= 0.0) & (batch[:, 1] < np.inf)).all():
        yield "answers a delay that is not finite, or below 0 s"
    if not np.array_equal(batch, again, equal_nan=True):
        yield "answers the same transmissions in two ways"
    if not np.array_equal(batch[:, :, [ALONE]], alone, equal_nan=True):
        yield "answers otherwise for a run alone than in a batch"


def _answers(factory: Factory, links_of: Among, runs: slice) -> Floats:
    """Loss and delay of every transmission (transmission, 2, run, link). Raises ValueError for another shape."""
    seeds = SEEDS[runs]
    links = links_of(len(seeds), MEMBERS)
    model = factory(links, seeds)
    answers = []
    for now, position, silent in _transmissions():
        air = Air.of(links, now, position[runs].ravel(), silent[runs].ravel())
        answer = [np.asarray(each, dtype=np.float64) for each in (model.loss(air), model.delay(air))]
        for each in answer:
            if each.shape != links.receiver.shape:
                raise ValueError(f"an answer of shape {each.shape} for {len(links.receiver)} links")
        answers.append(np.stack(answer).reshape(2, len(seeds), -1).copy())
    return np.stack(answers)


def _transmissions() -> Iterator[tuple[int, Floats, np.ndarray]]:
    """Time, positions and silent cars (run, member): cars in file, then cars anywhere, where no car can be as well."""
    rng = np.random.default_rng(4)
    shape = (len(SEEDS), MEMBERS)
    in_file = -20.0 * np.arange(MEMBERS) + np.zeros(shape)
    for number in range(TRANSMISSIONS):
        position = in_file + 2.5 * number if number < TRANSMISSIONS // 2 else rng.normal(0.0, 1000.0, shape)
        is_absurd = (rng.random(shape) < 0.1) & (number >= 2 * TRANSMISSIONS // 3)
        yield number * PERIOD, np.where(is_absurd, rng.choice(ABSURD, shape), position), rng.random(shape) < 0.1
