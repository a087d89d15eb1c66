"""JSON Schema of sensors files, with which editors complete and check them.

python -m karyon.logs.schema            writes sensors.json into scenarios/schema/
python -m karyon.logs.schema --check    exit code 1 where it is not up to date
"""

import sys
from pathlib import Path

from karyon.logs.sensors_file import MODELS
from karyon.sim import schema


def sensors() -> schema.Schema:
    """Of a sensors file, of either kind."""
    kinds = [schema.section(model) for model in MODELS.values()]
    return {"$schema": schema.DIALECT, "title": "KARYON sensors", "oneOf": kinds}


def files() -> dict[Path, str]:
    """The text of the file."""
    return schema.texts({"sensors.json": sensors()})


if __name__ == "__main__":
    sys.exit(schema.main(sys.argv[1:], files()))
