"""The picture of docs/campaigns.md: python -m karyon.campaign.gallery docs"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from karyon.campaign import campaign, plan_file
from karyon.campaign.plot import plot
from karyon.sim.view.gallery import shrink

NAME, RUNS, SEED = "acc_faults", 1500, 5


def main() -> None:
    """Compute the campaign, and draw it into a folder."""
    path = Path(sys.argv[1]) / f"figure_{NAME}.png"
    with TemporaryDirectory(prefix="karyon-") as scratch:
        folder = Path(scratch) / NAME
        campaign.run(plan_file.read(NAME), RUNS, SEED, folder, campaign.Orders(), lambda *_: True)
        plot(folder)
        shutil.copyfile(folder / "campaign.png", path)
    shrink(path)


if __name__ == "__main__":
    main()
