"""The safety kernel: rules, run-time safety information, level of service. Standard library and NumPy only."""

from karyon.kernel.design import Design, DesignError
from karyon.kernel.grammar import RuleError, parse, text
from karyon.kernel.kernel import Kernel
from karyon.kernel.manager import Decision, FirstCause
from karyon.kernel.rules import Age, Alive, And, AtLeast, Cooperation, Not, Or, Rule, Spread, Validity, Within
from karyon.kernel.runtime import ABSENT, SafetyInformation, Verdict, verdict
from karyon.kernel.timing import Timing, fault_handling_bound, switch_bound

__all__ = [
    "ABSENT",
    "Age",
    "Alive",
    "And",
    "AtLeast",
    "Cooperation",
    "Decision",
    "Design",
    "DesignError",
    "FirstCause",
    "Kernel",
    "Not",
    "Or",
    "Rule",
    "RuleError",
    "SafetyInformation",
    "Spread",
    "Timing",
    "Validity",
    "Verdict",
    "Within",
    "fault_handling_bound",
    "parse",
    "switch_bound",
    "text",
    "verdict",
]
