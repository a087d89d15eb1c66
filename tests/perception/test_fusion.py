"""Several sources say together what is true, however some of them lie; and who lies is named."""

from fractions import Fraction
from math import inf, isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from karyon.perception import fusion
from tests.reference import fusion as reference

eighths = st.integers(-80, 80).map(lambda eighth: eighth / 8)
"""Multiples of 1/8 add and halve without rounding: equality is exact."""
spreads = st.integers(0, 40).map(lambda eighth: eighth / 8)
validities = st.integers(1, 16).map(lambda part: part / 16)
present = st.tuples(eighths, spreads, validities)
absent = st.sampled_from(
    [
        *[(nan, 1.0, 1.0), (inf, 1.0, 1.0), (1.0, nan, 1.0), (1.0, -1.0, 1.0), (1.0, inf, 1.0)],
        *[(1.0, 1.0, 0.0), (1.0, 1.0, nan), (1.0, 1.0, -1.0), (1.0, 1.0, inf), (1e308, 1.7e308, 1.0)],
    ]
)
anything = st.floats() | st.sampled_from([nan, inf, -inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1.0])
nonsense = st.tuples(anything, anything, anything)
several = st.lists(present | absent, min_size=1, max_size=6)
faults = st.integers(0, 2)

INTERVALS = {"marzullo": fusion.marzullo, "brooks_iyengar": fusion.brooks_iyengar}
MEANS = {"weighted_mean": fusion.weighted_mean, "covariance_intersection": fusion.covariance_intersection}


def fused(how, sources, number):
    """By the function of that name; those that know no number of faults do without."""
    value, spread, validity = np.array(sources, dtype=float).reshape(-1, 3).T
    if how in INTERVALS:
        return INTERVALS[how](value, spread, validity, number)
    return MEANS[how](value, spread, validity)


def bits(result):
    """All that is said, NaN included."""
    return [np.asarray(getattr(result, name)).tobytes() for name in result.__dataclass_fields__]


def counted(sources):
    return [sources[index] for index in reference.present(sources)]


def nothing_said(result):
    return isnan(result.value) and isnan(result.spread) and result.validity == 0.0


@given(several, faults)
def test_marzullo_is_from_the_least_to_the_greatest_value_that_can_be_true(sources, number):
    found, possible = fused("marzullo", sources, number), reference.possible(counted(sources), number)
    if possible is None:
        assert nothing_said(found)
        assert not found.faulty.any()
        return
    low, high = possible
    assert (found.value - found.spread, found.value + found.spread) == possible
    assert found.validity == pytest.approx(float(reference.support(counted(sources), number)), abs=1e-12)
    here = [source in counted(sources) for source in sources]
    for source, named, counts in zip(sources, found.faulty, here, strict=True):
        disjoint = counts and (reference.interval(source)[0] > high or reference.interval(source)[1] < low)
        assert named == disjoint


@given(several, faults)
def test_brooks_iyengar_weighs_the_regions_by_who_shares_them(sources, number):
    found, same = fused("brooks_iyengar", sources, number), fused("marzullo", sources, number)
    assert found.faulty.tolist() == same.faulty.tolist()
    assert found.validity == same.validity
    possible = reference.possible(counted(sources), number)
    if possible is None:
        assert nothing_said(found)
        return
    middle = reference.weighted_middle(counted(sources), number)
    expected = sum(possible) / 2 if middle is None else middle
    assert found.value == pytest.approx(float(expected), abs=1e-12)
    assert found.spread == pytest.approx(float(max(possible[1] - expected, expected - possible[0])), abs=1e-12)


@st.composite
def quarrels(draw):
    """Number of faults f, truth, 2f + 1 sources that tell it within their spreads, and f liars, in some order."""
    number = draw(st.integers(1, 3))
    truth = draw(eighths)
    honest = []
    for _ in range(2 * number + 1):
        spread = draw(st.integers(1, 40)) / 8
        honest.append((truth + draw(st.integers(-8, 8)) / 8 * spread, spread, draw(validities)))
    lie = draw(st.sampled_from([present, nonsense, present | nonsense]))
    liars = draw(st.lists(lie, min_size=number, max_size=number))
    if draw(st.booleans()):
        liars = [liars[0]] * number  # they collude
    order = draw(st.permutations(range(3 * number + 1)))
    return number, truth, honest, liars, order


@pytest.mark.parametrize("how", INTERVALS)
@settings(max_examples=300)
@given(quarrels())
def test_no_lie_moves_the_fused_interval_away_from_the_truth(how, quarrel):
    """2f + 1 honest sources, f liars: the truth is in the interval, no honest one is named, a disjoint liar is."""
    number, truth, honest, liars, order = quarrel
    sources = [(honest + liars)[index] for index in order]
    found = fused(how, sources, number)
    low, high = min(x - s for x, s, _ in honest), max(x + s for x, s, _ in honest)
    rounding = 1e-13
    assert abs(found.value - truth) <= found.spread + rounding
    assert low <= found.value <= high
    if how == "marzullo":
        assert low - rounding <= found.value - found.spread <= found.value + found.spread <= high + rounding
    for source, named in zip(sources, found.faulty, strict=True):
        assert not (named and source in honest)
        if counted([source]) and (source[0] - source[1] > high or source[0] + source[1] < low):
            assert named


@pytest.mark.parametrize("how", INTERVALS)
@given(quarrels())
def test_liars_neither_lend_validity_nor_take_it_away(how, quarrel):
    number, _, honest, liars, order = quarrel
    found = fused(how, [(honest + liars)[index] for index in order], number)
    chances = [Fraction(validity) for _, _, validity in honest]
    assert found.validity >= float(reference.probability(chances, number + 1)) - 1e-12
    assert found.validity <= float(reference.probability(chances, 1)) + 1e-12


def test_where_more_lie_than_was_assumed_nothing_is_said():
    apart = [(0.0, 1.0, 1.0), (10.0, 1.0, 1.0), (20.0, 1.0, 1.0)]
    for how in INTERVALS:
        assert nothing_said(fused(how, apart, 1))
        assert nothing_said(fused(how, [*apart[:2], (nan, 1.0, 1.0)], 1)), "two do not tell who of them lies"
        assert not fused(how, apart, 1).faulty.any()


def test_a_liar_is_named_and_agreement_is_worth_more_than_the_best_source():
    sources = [(10.0, 1.0, 0.9), (10.5, 1.0, 0.9), (9.5, 1.0, 0.9), (14.0, 1.0, 0.9)]
    for how in INTERVALS:
        found = fused(how, sources, 1)
        assert (found.value, found.spread) == (10.0, 0.5)
        assert found.faulty.tolist() == [False, False, False, True]
        assert found.validity == pytest.approx(1 - 3 * 0.9 * 0.1**2 - 0.1**3)


@given(st.lists(st.tuples(eighths, st.integers(1, 40).map(lambda e: e / 8), validities) | absent, max_size=6))
def test_the_weighted_mean_leaves_out_who_is_outvoted(sources):
    found, here = fused("weighted_mean", sources, 0), counted(sources)
    named = reference.outvoted(here, correlated=False)
    assert found.faulty.tolist() == [named[here.index(one)] if one in here else False for one in sources]
    used = [one for one, out in zip(here, named, strict=True) if not out]
    if not used:
        assert nothing_said(found)
        return
    mean, variance = reference.mean(used)
    assert found.value == pytest.approx(float(mean), abs=1e-12)
    assert found.spread == pytest.approx(sqrt(variance), rel=1e-12)
    agreeing = [one for one in used if not any(reference.contradict(one, other, False) for other in used)]
    expected = reference.probability([Fraction(validity) for _, _, validity in agreeing], 1)
    assert found.validity == pytest.approx(float(expected), abs=1e-12)


@given(st.lists(st.tuples(eighths, st.integers(1, 40).map(lambda e: e / 8), validities) | absent, max_size=6))
def test_of_scalars_the_narrowest_source_that_is_not_outvoted_is_the_intersection(sources):
    found, here = fused("covariance_intersection", sources, 0), counted(sources)
    named = reference.outvoted(here, correlated=True)
    assert found.faulty.tolist() == [named[here.index(one)] if one in here else False for one in sources]
    used = [one for one, out in zip(here, named, strict=True) if not out]
    if not used:
        assert nothing_said(found)
        return
    narrowest = [one for one in used if one[1] == min(spread for _, spread, _ in used)]
    assert found.value == pytest.approx(float(sum(Fraction(x) for x, _, _ in narrowest) / len(narrowest)), abs=1e-12)
    assert found.spread == narrowest[0][1]
    assert found.validity == min(validity for _, _, validity in narrowest)


@pytest.mark.parametrize("how", MEANS)
def test_of_two_that_contradict_each_other_none_is_believed_and_of_three_the_third_decides(how):
    two = [(0.0, 1.0, 0.9), (10.0, 1.0, 1.0)]
    assert nothing_said(fused(how, two, 0))
    assert fused(how, two, 0).faulty.all()
    three = fused(how, [*two, (0.5, 1.0, 0.5)], 0)
    assert three.faulty.tolist() == [False, True, False]
    assert 0.0 < three.value <= 0.5


@pytest.mark.parametrize("how", MEANS)
def test_who_claims_to_have_no_spread_is_not_counted(how):
    """It would take all the weight."""
    honest = [(1.0, 0.5, 0.9), (1.25, 0.75, 0.8)]
    assert bits(fused(how, [*honest, (1.1, 0.0, 1.0)], 0))[:3] == bits(fused(how, honest, 0))[:3]


# What holds of all of them.

ALL = [*INTERVALS, *MEANS]


@pytest.mark.parametrize("how", ALL)
@given(several, faults, st.data())
def test_the_order_of_the_sources_does_not_matter(how, sources, number, data):
    order = data.draw(st.permutations(range(len(sources))))
    found, other = fused(how, sources, number), fused(how, [sources[index] for index in order], number)
    assert bits(found)[:3] == bits(other)[:3]
    assert found.faulty[order].tolist() == other.faulty.tolist()


@pytest.mark.parametrize("how", ALL)
def test_not_even_the_rounding_depends_on_the_order_of_the_sources(how):
    generator = np.random.default_rng(13)
    for _ in range(50):
        sources = [*zip(generator.normal(size=5), generator.uniform(1, 3, 5), generator.random(5), strict=True)]
        assert len({tuple(bits(fused(how, sources[turn:] + sources[:turn], 1))[:3]) for turn in range(5)}) == 1


@pytest.mark.parametrize("how", ALL)
@given(several, faults, absent)
def test_an_absent_source_does_not_count(how, sources, number, nobody):
    found, other = fused(how, sources, number), fused(how, [*sources, nobody], number)
    assert bits(found)[:3] == bits(other)[:3]
    assert [*found.faulty, False] == other.faulty.tolist()


@pytest.mark.parametrize("how", ALL)
@given(st.lists(nonsense, max_size=5), st.sampled_from([-1, 0, 1, 2, 10**9]))
def test_whatever_is_said_nothing_raises_and_what_is_not_finite_is_not_valid(how, sources, number):
    found = fused(how, sources, number)
    assert 0.0 <= found.validity <= 1.0
    assert found.validity == 0.0 or (np.isfinite(found.value) and 0.0 <= found.spread < inf)
    assert isnan(found.value) == isnan(found.spread)
    for source, named in zip(sources, found.faulty, strict=True):
        assert not (named and not reference.present([source])), "who is absent is not named"


@pytest.mark.parametrize("how", ALL)
@given(st.lists(present, min_size=1, max_size=6), faults, st.data())
def test_a_more_valid_source_never_makes_the_result_less_valid(how, sources, number, data):
    index = data.draw(st.integers(0, len(sources) - 1))
    value, spread, validity = sources[index]
    better = [*sources]
    better[index] = (value, spread, data.draw(st.floats(validity, 1.0)))
    assert fused(how, better, number).validity >= fused(how, sources, number).validity - 1e-12


@pytest.mark.parametrize("how", [*INTERVALS, "weighted_mean"])
@given(st.lists(present, min_size=1, max_size=5), faults, validities)
def test_a_source_that_agrees_with_all_never_makes_the_result_less_valid(how, sources, number, validity):
    before = fused(how, sources, number)
    assume(not before.faulty.any())
    assert fused(how, [*sources, (0.0, 100.0, validity)], number).validity >= before.validity - 1e-12


@pytest.mark.parametrize("how", ALL)
@given(several, faults)
def test_nothing_is_more_valid_than_its_sources_allow(how, sources, number):
    """The chance that one of them is right at most; a lone source gives its own validity."""
    found, here = fused(how, sources, number), counted(sources)
    assert found.validity <= float(reference.probability([Fraction(v) for _, _, v in here], 1)) + 1e-12
    if len(here) == 1 and here[0][1] > 0.0 and number == 0:
        assert found.validity == here[0][2]
        assert found.value == pytest.approx(here[0][0])


@pytest.mark.parametrize("how", ALL)
def test_a_row_alone_has_the_same_bits_as_among_others(how):
    generator = np.random.default_rng(11)
    for number in (2, 3, 4, 7):
        value, spread = generator.normal(size=(number, 64)), generator.uniform(0.1, 2.0, (number, 64))
        validity = generator.uniform(-0.2, 1.0, (number, 64))
        value[0, ::5] = nan
        arrays = (value, spread, validity)
        together = INTERVALS[how](*arrays, 1) if how in INTERVALS else MEANS[how](*arrays)
        for row in range(64):
            alone = fused(how, np.array([each[:, row] for each in arrays]).T, 1)
            for name in ("value", "spread", "validity", "faulty"):
                assert np.asarray(getattr(alone, name)).tobytes() == getattr(together, name)[..., row].tobytes()


@given(st.lists(validities, max_size=6), st.integers(0, 7))
def test_at_least_is_the_sum_over_all_ways_of_being_right(chances, number):
    found = fusion.at_least(number, np.array(chances))
    expected = reference.probability([Fraction(one) for one in chances], number)
    assert found == pytest.approx(float(expected), abs=1e-12)


# Vectors.


def covariances(generator, *shape):
    """Positive definite matrices (..., component, component), of very different sizes and directions."""
    root = generator.normal(size=shape) * 10.0 ** generator.uniform(-1, 1, shape[:-1])[..., None]
    return root @ root.swapaxes(-1, -2) + 1e-3 * np.eye(shape[-1])


def intersection(value, covariance, validity):
    """Of arrays (row, source, component[, component]), as people write them; the result likewise."""
    found = fusion.covariance_intersection_of_vectors(
        np.moveaxis(value, 0, -1), np.moveaxis(covariance, 0, -1), np.moveaxis(validity, 0, -1)
    )
    return fusion.FusedVector(
        *(np.moveaxis(getattr(found, name), -1, 0) for name in ("value", "covariance", "validity", "faulty"))
    )


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("sources", [2, 3, 5])
def test_the_intersection_is_consistent_for_any_correlation(components, sources):
    """The error that the fused vector really has, for random joint covariances, never exceeds what is said of it.

    The fused value is linear in the values: its matrices are found by asking for unit vectors, small enough that nobody
    contradicts. The true covariance is theirs times the joint one, whose blocks on the diagonal are the covariances.
    """
    generator = np.random.default_rng(components * 10 + sources)
    rows, tiny = 100, 1e-6
    each = covariances(generator, rows, sources, components, components)
    unit = tiny * np.eye(sources * components).reshape(-1, 1, sources, components)
    found = [intersection(np.repeat(one, rows, axis=0), each, np.ones((rows, sources))) for one in unit]
    gain = np.stack([one.value for one in found], axis=-1) / tiny  # (row, component, source x component)
    said = found[0].covariance
    for _ in range(20):
        joint = covariances(generator, rows, sources * components, sources * components)
        scale = np.zeros_like(joint)
        for source in range(sources):
            part = slice(source * components, (source + 1) * components)
            scale[:, part, part] = np.linalg.cholesky(each[:, source]) @ np.linalg.inv(
                np.linalg.cholesky(joint[:, part, part])
            )
        joint = scale @ joint @ scale.swapaxes(-1, -2)
        true = gain @ joint @ gain.swapaxes(-1, -2)
        least = np.linalg.eigvalsh(said - true)[:, 0]
        assert (least >= -1e-9 * np.linalg.eigvalsh(said)[:, -1]).all()


def test_the_truth_is_covered_when_both_sources_share_their_errors():
    """Where a mean of independent errors would be too sure: two sources with the same error in both components."""
    covariance = np.array([[4.0, 0.0], [0.0, 1.0]])
    error = np.array([1.9, 0.3])
    found = intersection(np.array([[error, error]]), np.array([[covariance, covariance]]), np.ones((1, 2)))
    assert found.covariance[0] == pytest.approx(covariance, rel=1e-12)
    assert error @ np.linalg.inv(found.covariance[0]) @ error <= 1.0


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("sources", [2, 3])
def test_the_determinant_is_nearly_the_least_of_all_weights(components, sources):
    """Against all weights of a grid of steps of 1/100; within 3 % for a scalar, where the best one takes all."""
    generator = np.random.default_rng(components)
    each = covariances(generator, 30, sources, components, components)
    found = intersection(np.zeros((30, sources, components)), each, np.ones((30, sources)))
    grid = np.array([w for w in np.ndindex(*[101] * sources) if sum(w) == 100]) / 100
    information = np.einsum("ws,rsij->rwij", grid, np.linalg.inv(each))
    least = 1.0 / np.linalg.det(information).max(axis=1)
    assert (np.linalg.det(found.covariance) <= least * (1.03 if components == 1 else 1.005)).all()


@pytest.mark.parametrize("components", [1, 2, 3])
def test_a_vector_that_lies_is_named_and_left_out(components):
    generator = np.random.default_rng(components)
    value = generator.uniform(-0.1, 0.1, (20, 4, components))
    covariance = np.broadcast_to(np.eye(components), (20, 4, components, components)).copy()
    value[:, 2] += 5.0
    found = intersection(value, covariance, np.full((20, 4), 0.9))
    assert (found.faulty == [False, False, True, False]).all()
    assert (np.abs(found.value) <= 0.1).all()
    assert (found.validity == 0.9).all(), "agreement proves nothing without independence"
    two = intersection(value[:, 1:3], covariance[:, 1:3], np.full((20, 2), 0.9))
    assert two.faulty.all()
    assert np.isnan(two.value).all()
    assert (two.validity == 0.0).all()


@pytest.mark.parametrize(("distance", "named"), [(3.16, False), (3.17, True)])
def test_vectors_contradict_each_other_from_the_root_of_twice_both_covariances_on(distance, named):
    """Variances 1 and 4 along the first component: the square of the distance against 10."""
    value, covariance = (
        np.array([[[0.0, 0.0], [distance, 0.0]]]),
        np.array([[np.diag([1.0, 9.0]), np.diag([4.0, 9.0])]]),
    )
    assert (intersection(value, covariance, np.ones((1, 2))).faulty == named).all()


def test_only_the_symmetric_part_of_a_covariance_counts():
    value, ones = np.array([[[1.0, 2.0], [1.5, 2.5]]]), np.ones((1, 2))
    plain, skew = np.diag([1.0, 2.0]), np.array([[0.0, 0.5], [-0.5, 0.0]])
    assert bits(intersection(value, np.array([[plain + skew, plain]]), ones)) == bits(
        intersection(value, np.array([[plain, plain]]), ones)
    )


def test_a_source_whose_information_is_not_finite_is_absent():
    found = intersection(np.array([[[1.0], [1.5]]]), np.array([[[[1e-310]], [[4.0]]]]), np.ones((1, 2)))
    assert found.value == 1.5
    assert found.covariance == 4.0


def test_the_validity_of_an_intersection_is_the_least_of_those_with_a_weight():
    small, large = np.diag([1.0, 4.0]), np.diag([4.0, 1.0])
    huge = 1e3 * np.eye(2)
    found = intersection(np.zeros((1, 3, 2)), np.array([[small, large, huge]]), np.array([[0.9, 0.6, 0.1]]))
    assert found.validity == 0.6


@pytest.mark.parametrize("nonsense", [nan, inf, -1.0, 0.0])
def test_a_source_without_a_covariance_or_a_component_is_absent(nonsense):
    value, covariance = np.array([[[1.0, 2.0], [1.5, 2.5]]]), np.array([[np.eye(2), 2.0 * np.eye(2)]])
    alone = intersection(value[:, :1], covariance[:, :1], np.full((1, 1), 0.7))
    broken = covariance.copy()
    broken[0, 1, 1, 1] = nonsense
    for one in (
        intersection(value, broken, np.full((1, 2), 0.7)),
        intersection(value, covariance, np.array([[0.7, min(nonsense, 0.0) if nonsense < inf else nonsense]])),
        intersection(np.array([[[1.0, 2.0], [nan, 2.5]]]), covariance, np.full((1, 2), 0.7)),
    ):
        assert bits(one)[:3] == bits(alone)[:3]
        assert not one.faulty.any()
    nobody = intersection(value, broken * nan, np.full((1, 2), 0.7))
    assert np.isnan(nobody.value).all() and np.isnan(nobody.covariance).all() and nobody.validity == 0.0


@given(st.lists(st.lists(anything, min_size=7, max_size=7), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_vectors_of_nonsense_never_raise_and_the_order_does_not_matter(sources, random):
    def of(several):
        told = np.array(several)[None]
        return intersection(told[..., :2], told[..., 2:6].reshape(1, -1, 2, 2), told[..., 6])

    found, order = of(sources), random.sample(range(len(sources)), len(sources))
    assert found.validity == 0.0 or (np.isfinite(found.value).all() and np.isfinite(found.covariance).all())
    other = of([sources[index] for index in order])
    assert bits(found)[:3] == bits(other)[:3]
    assert found.faulty[0][order].tolist() == other.faulty[0].tolist()


@pytest.mark.parametrize("components", [1, 2, 3])
def test_not_even_the_rounding_of_a_vector_depends_on_the_order_of_the_sources(components):
    generator = np.random.default_rng(components)
    value, validity = 0.1 * generator.normal(size=(50, 4, components)), generator.random((50, 4))
    each = covariances(generator, 50, 4, components, components)
    turned = [intersection(*(np.roll(one, turn, axis=1) for one in (value, each, validity))) for turn in range(4)]
    assert len({tuple(bits(one)[:3]) for one in turned}) == 1


@pytest.mark.parametrize("components", [1, 2, 3])
def test_a_vector_alone_has_the_same_bits_as_among_others(components):
    generator = np.random.default_rng(components)
    value = 0.1 * generator.normal(size=(64, 3, components))
    each, validity = covariances(generator, 64, 3, components, components), generator.uniform(-0.2, 1.0, (64, 3))
    together = intersection(value, each, validity)
    for row in range(64):
        alone = intersection(value[row : row + 1], each[row : row + 1], validity[row : row + 1])
        for name in ("value", "covariance", "validity", "faulty"):
            assert getattr(alone, name)[0].tobytes() == getattr(together, name)[row].tobytes()
