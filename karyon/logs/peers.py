"""Detectors of others, on the same samples as ours: an Isolation Forest for each signal.

scikit-learn and river belong to the extra `dev`; only the benchmark needs them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.ensemble import IsolationForest

from karyon.perception.residuals import HALF_WINDOW, Kind, Relation
from karyon.perception.sensors import Floats
from karyon.perception.signals import Signal

WINDOW = 10  # samples
TREES = 100  # and 256 samples for each: the paper's own numbers
FITTED = 20_000  # windows of each signal
CHUNK = 200_000  # windows scored at once: bounds the memory


class Forests:
    """An Isolation Forest for each signal, on features of the last WINDOW samples. [Liu, Ting & Zhou 2008]

    The features of a signal: its innovation, the mean and standard deviation of it, how much it moved, and of each
    relation that the signal is part of the residual and its mean. scikit-learn's implementation.
    """

    def __init__(
        self, signals: Sequence[Signal], relations: Sequence[Relation], period: float, healthy: Floats, seed: int
    ) -> None:
        """Learns from `healthy` runs (run, signal, sample)."""
        self._signals, self._relations, self._period = signals, relations, period
        generator = np.random.default_rng(seed)
        self._forests = []
        for features in self._features(healthy):
            rows = features.reshape(-1, features.shape[-1])
            chosen = generator.choice(len(rows), min(FITTED, len(rows)), replace=False)
            self._forests.append(IsolationForest(n_estimators=TREES, random_state=seed).fit(rows[chosen]))

    def scores(self, values: Floats, first: int = 0) -> Floats:
        """Anomaly score, 0..1, of each sample from index `first` on: (run, signal, sample) in and out.

        Of samples before `first`, and of the first ones that have no whole window before them, the score is 0.
        """
        scores = np.zeros(values.shape)
        begin = max(first, self._history)
        recent = values[:, :, begin - self._history :]
        for signal, (forest, features) in enumerate(zip(self._forests, self._features(recent), strict=True)):
            rows = features.reshape(-1, features.shape[-1])
            parts = [-forest.score_samples(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)]
            scores[:, signal, begin:] = np.concatenate(parts).reshape(features.shape[:2])
        return scores

    @property
    def _history(self) -> int:
        """Samples before the first one that has all features."""
        return WINDOW + 1 + max((relation.lag for relation in self._relations), default=0) + HALF_WINDOW

    def _features(self, values: Floats) -> list[Floats]:
        """Of each signal, arrays (run, sample, feature); the samples are those with a whole history."""
        residuals = [residual(relation, values, self._period) for relation in self._relations]
        found = []
        for place, signal in enumerate(self._signals):
            own = values[:, place]
            change = np.diff(own, prepend=own[:, :1])
            surprise = np.diff(change, prepend=change[:, :1]) if signal.inertia else change
            windows = _windows(surprise)
            columns = [surprise, windows.mean(axis=-1), windows.std(axis=-1), _windows(np.abs(change)).mean(axis=-1)]
            for relation, residue in zip(self._relations, residuals, strict=True):
                if place in (relation.signal, relation.source):
                    columns += [residue, _windows(residue).mean(axis=-1)]
            found.append(np.stack([column[:, self._history :] for column in columns], axis=-1))
        return found


def residual(relation: Relation, values: Floats, period: float) -> Floats:
    """What a signal differs by from what its source says (run, sample), in the signal's unit; 0 before it says any.

    values (run, signal, sample); the source is taken as the chain takes it, so much earlier that a window is over.
    """
    signal, source, lag = values[:, relation.signal], values[:, relation.source], relation.lag
    match relation.kind:
        case Kind.SAME:
            found = signal - _later(source, lag)
        case Kind.RATE:
            early, late = (_later(source, lag + side * HALF_WINDOW) for side in (1, -1))
            found = signal - (late - early) / (2.0 * HALF_WINDOW * period)
        case Kind.INTEGRAL:
            found = np.diff(signal, prepend=signal[:, :1]) - period * _later(source, lag)
    found[:, : lag + HALF_WINDOW] = 0.0
    return found


def _later(values: Floats, samples: int) -> Floats:
    """What was `samples` ago (run, sample); the first one before that."""
    return np.concatenate([np.repeat(values[:, :1], samples, axis=1), values[:, : values.shape[1] - samples]], axis=1)


def _windows(values: Floats) -> Floats:
    """The last WINDOW samples at each sample (run, sample, WINDOW), the first one repeated before the beginning."""
    filled = np.concatenate([np.repeat(values[:, :1], WINDOW - 1, axis=1), values], axis=1)
    return sliding_window_view(filled, WINDOW, axis=1)
