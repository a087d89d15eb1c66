"""Plans for tests: small, and as a user writes them."""

from pathlib import Path

import pyarrow as pa

from karyon.campaign import plan_file, rows

SHORT = """\
scenario: acc_profile
sampling: random
settings:
  duration: 3 s
  leader: {speed: [[0 s, 25 m/s], [1 s, {between: [5 m/s, 20 m/s]}]], deceleration: {between: [1, 6]}}
strata:
  - name: distance
    share: 3
    settings:
      faults:
        - {vehicle: 1, signal: front.distance, mode: {one_of: [drift, ramp]}, rate: {between: [0.1, 30], scale: log},
           onset: {between: [500 ms, 1500 ms]}}
  - name: messages
    settings:
      faults: [{vehicle: 1, signal: lead.message, mode: omission, probability: {between: [0.3, 1]}, onset: 0.5}]
"""


def written(folder, text=SHORT, name="short.yaml"):
    """The file of a plan with this text."""
    path = Path(folder) / name
    path.write_text(text)
    return path


def read(folder, text=SHORT):
    """The plan with this text."""
    return plan_file.read(written(folder, text))


def unhurt(plan, runs):
    """Rows of runs of which none has broken anything, as far as a search reads them."""
    return pa.table(
        {"violated": [False] * len(runs)} | {name: [1.0] * len(runs) for name in ("margin", *rows.margins_of(plan))}
    )
