"""What a scenario says of recorded traffic: the same for lane changes and for crossings."""

from pydantic import Field

from karyon.sim.units import Count, Seconds, Section, Text


class Recorded(Section):
    """Recorded traffic, in which one car is replaced by vehicle 0; the others drive as they did, and have no radio."""

    file: Text = Field(description="of CommonRoad, which has the lanes, too")
    replace: Count = Field(ge=0, le=2**31, description="number of the car in it that is replaced")
    lead_in: Seconds = Field(
        default=2.0, ge=0, le=10, description="before its first instant: all go on as they begin, and ours gets ready"
    )
    lead_out: Seconds = Field(
        default=2.0, ge=0, le=10, description="after the last instant of the recording: all go on as they end"
    )
