"""The published schemas: up to date, and what is shipped or made fits them."""

import json

import jsonschema

from karyon.evidence import schema
from karyon.sim import documents
from karyon.sim.schema import main
from karyon.sim.shipped import SHIPPED


def test_the_schemas_are_up_to_date():
    """`python -m karyon.evidence.schema` was run after the last change."""
    assert main(["--check"], schema.files()) == 0


def test_every_shipped_case_fits():
    """As an editor would judge it."""
    validator = jsonschema.Draft202012Validator(schema.safety_case())
    for path in (SHIPPED / "safety" / "cases").glob("*.yaml"):
        assert [error.message for error in validator.iter_errors(documents.load(path).data)] == []


def test_a_report_fits(report):
    """All of `report.json`, and no field that the schema does not know."""
    data = json.loads((report[0] / "report.json").read_text())
    assert [error.message for error in jsonschema.Draft202012Validator(schema.report()).iter_errors(data)] == []
