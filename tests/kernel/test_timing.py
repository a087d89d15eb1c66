"""The bounds are sums whose terms each count once, and more of anything never makes them shorter."""

from dataclasses import fields, replace

import pytest

from karyon.kernel import Timing, fault_handling_bound, switch_bound

# powers of two add without rounding, and each sum tells which terms are in it
TIMING = Timing(
    kernel_period=1 / 2,
    control_period=1 / 4,
    perception_period=64.0,
    kernel_execution=1 / 8,
    actuator_delay=1 / 16,
    kernel_phase=128.0,
    control_phase=256.0,
    perception_phase=512.0,
)


def test_switch_bound_is_detection_kernel_control_and_actuator():
    assert switch_bound(2.0, TIMING) == 2.0 + 1 / 2 + 1 / 8 + 1 / 4 + 1 / 16


def test_fault_handling_adds_the_way_to_the_safe_state():
    assert fault_handling_bound(2.0, TIMING, reach=4.0) == switch_bound(2.0, TIMING) + 4.0


@pytest.mark.parametrize("name", [each.name for each in fields(Timing)])
def test_no_delay_shortens_the_bound(name):
    slower = replace(TIMING, **{name: getattr(TIMING, name) * 2})
    assert switch_bound(2.0, slower) >= switch_bound(2.0, TIMING)


def test_phases_default_to_0():
    timing = Timing(0.02, 0.02, 0.02, 0.002, 0.05)
    assert (timing.kernel_phase, timing.control_phase, timing.perception_phase) == (0.0, 0.0, 0.0)
