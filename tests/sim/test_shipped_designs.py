"""Every safety design that we ship has the properties of every design."""

import pytest

from karyon.sim.safety_file import read_design
from karyon.sim.shipped import SHIPPED
from tests.kernel.design_properties import DesignProperties


@pytest.mark.requirement("TSR1", "TSR2", "TSR3", "TSR4")
class TestAcc(DesignProperties):
    """Car following."""

    design = read_design(SHIPPED / "safety" / "acc.yaml")


@pytest.mark.requirement("TSR1", "TSR2", "TSR3", "TSR4", "TSR11")
class TestPlatoon(DesignProperties):
    """Car following in a platoon."""

    design = read_design(SHIPPED / "safety" / "platoon.yaml")


class TestHilBench(DesignProperties):
    """Car following by real signals."""

    design = read_design(SHIPPED / "safety" / "hil_bench.yaml")


class TestHilDesk(DesignProperties):
    """Car following behind a hand."""

    design = read_design(SHIPPED / "safety" / "hil_desk.yaml")


@pytest.mark.requirement("ATR1", "ATR2", "ATR3")
class TestFlight(DesignProperties):
    """Unmanned aircraft."""

    design = read_design(SHIPPED / "safety" / "flight.yaml")


@pytest.mark.requirement("LTR1", "LTR2", "LTR3", "LTR4")
class TestLaneChange(DesignProperties):
    """Lane changes, and the distance in the lane."""

    design = read_design(SHIPPED / "safety" / "lane_change.yaml")


@pytest.mark.requirement("XTR1", "XTR2", "XTR3", "XTR4")
class TestIntersection(DesignProperties):
    """Crossing of two roads."""

    design = read_design(SHIPPED / "safety" / "intersection.yaml")


def test_no_shipped_design_is_left_out():
    """Each file in the folder of designs has its class above."""
    tested = {case.design.name for case in DesignProperties.__subclasses__() if case.__module__ == __name__}
    assert tested == {file.stem for file in (SHIPPED / "safety").glob("*.yaml")}
