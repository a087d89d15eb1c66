"""Units of the air in SI."""

FOOT, NAUTICAL_MILE = 0.3048, 1852.0  # m
KNOT = NAUTICAL_MILE / 3600.0  # m/s
