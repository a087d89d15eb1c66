"""ASIL and decomposition against the tables of the standard, written out."""

from itertools import product

import pytest

from karyon.evidence import hara

TABLE = {  # ISO 26262-3:2018, table 4: rows S, E; columns C1, C2, C3
    ("S1", "E1"): "QM QM QM",
    ("S1", "E2"): "QM QM QM",
    ("S1", "E3"): "QM QM A",
    ("S1", "E4"): "QM A B",
    ("S2", "E1"): "QM QM QM",
    ("S2", "E2"): "QM QM A",
    ("S2", "E3"): "QM A B",
    ("S2", "E4"): "A B C",
    ("S3", "E1"): "QM QM A",
    ("S3", "E2"): "QM A B",
    ("S3", "E3"): "A B C",
    ("S3", "E4"): "B C D",
}


RATINGS = list(product(("S0", "S1", "S2", "S3"), ("E0", "E1", "E2", "E3", "E4"), ("C0", "C1", "C2", "C3")))


@pytest.mark.parametrize("rating", RATINGS)
def test_the_asil_is_that_of_the_table(rating):
    """All 80 combinations; class 0 of any of the three is no ASIL."""
    severity, exposure, controllability = rating
    column = int(controllability[1]) - 1
    wanted = TABLE[severity, exposure].split()[column] if (severity, exposure) in TABLE and column >= 0 else "QM"
    assert hara.asil(*rating) == wanted


@pytest.mark.parametrize("whole", "DCBA")
def test_a_decomposition_is_one_of_those_that_the_standard_has(whole):
    """ISO 26262-9:2018, figure 2: the two parts in any order, and no other pair."""
    allowed = {"D": "CA BB DQM", "C": "BA CQM", "B": "AA BQM", "A": "AQM"}[whole].split()
    for first, second in product(("QM", "A", "B", "C", "D"), repeat=2):
        is_listed = first + second in allowed or second + first in allowed
        assert hara.is_decomposition(whole, (f"{first}({whole})", second)) == is_listed
