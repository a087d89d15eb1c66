"""The figure of each campaign, as `karyon plot` draws it, inside the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

from karyon.evidence.runs import Campaign


def of_campaigns(campaigns: Iterable[Campaign]) -> dict[str, str]:
    """PNG by plan, as an address that holds it; empty where matplotlib is not installed."""
    try:
        from karyon.campaign import plot  # noqa: PLC0415  # of the extra `view`
        from karyon.sim.view.page import rendered, styled  # noqa: PLC0415
    except ImportError:
        return {}
    found = {}
    for campaign in campaigns:
        with styled():
            picture = rendered(plot.draw(plot.read(campaign.path)), "png")
        found[campaign.plan.name] = f"data:image/png;base64,{b64encode(picture).decode()}"
    return found
