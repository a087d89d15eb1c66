"""Bounds on the time from a fault to the lower level of service, and on to the safe state. All in seconds.

T_switch = T_detect + T_kernel + T_control                                          [Casimiro et al., SIES 2014]
T_kernel = kernel period + kernel execution,   T_control = control period + actuator delay
FHTI     = T_switch + T_reach, demanded to be at most the FTTI                      [ISO 26262-1:2018]
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Periods, phases and delays of the cycle, all in s. A phase is the offset of the first cycle from time 0."""

    kernel_period: float
    control_period: float
    perception_period: float
    kernel_execution: float
    actuator_delay: float
    kernel_phase: float = 0.0
    control_phase: float = 0.0
    perception_phase: float = 0.0


def switch_bound(detection: float, timing: Timing) -> float:
    """Longest time (s) from the instant a signal goes bad to the instant the lower level's controller has command.

    detection   s, detection time of the detectors that guard the signal; the rule's age limit for omission and delay
    """
    return detection + timing.kernel_period + timing.kernel_execution + timing.control_period + timing.actuator_delay


def fault_handling_bound(detection: float, timing: Timing, reach: float) -> float:
    """Longest time (s) from the instant a signal goes bad to the safe state: the FHTI, to be held against the FTTI.

    reach   s, time that the lower level needs from command to its safe state
    """
    return switch_bound(detection, timing) + reach
