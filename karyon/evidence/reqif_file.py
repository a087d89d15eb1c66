"""Safety goals and requirements in the Requirements Interchange Format, which tools of requirements engineering read.

[OMG ReqIF 1.2] Written by the library `reqif`. Attributes are strings; `ReqIF.ForeignID` is the id in the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reqif.models.reqif_core_content import ReqIFCoreContent
from reqif.models.reqif_data_type import ReqIFDataTypeDefinitionString
from reqif.models.reqif_namespace_info import ReqIFNamespaceInfo
from reqif.models.reqif_req_if_content import ReqIFReqIFContent
from reqif.models.reqif_reqif_header import ReqIFReqIFHeader
from reqif.models.reqif_spec_hierarchy import ReqIFSpecHierarchy
from reqif.models.reqif_spec_object import ReqIFSpecObject, SpecObjectAttribute
from reqif.models.reqif_spec_object_type import ReqIFSpecObjectType, SpecAttributeDefinition
from reqif.models.reqif_spec_relation import ReqIFSpecRelation
from reqif.models.reqif_spec_relation_type import ReqIFSpecRelationType
from reqif.models.reqif_specification import ReqIFSpecification
from reqif.models.reqif_specification_type import ReqIFSpecificationType
from reqif.models.reqif_types import SpecObjectAttributeType
from reqif.object_lookup import ReqIFObjectLookup
from reqif.reqif_bundle import ReqIFBundle
from reqif.unparser import ReqIFUnparser

from karyon.evidence.case import Case

TEXT, ITEM, LINK, LIST = "_text", "_item", "_link_", "_list"
STRING = SpecObjectAttributeType.STRING
FIELDS = {  # by attribute: field of a goal or a requirement
    "ReqIF.Text": "text",
    "kind": "kind",
    "ASIL": "asil",
    "safe state": "safe_state",
    "FTTI": "ftti",
    "allocation": "allocation",
    "rationale": "rationale",
    "external id": "external_id",
}


def text(case: Case, title: str, made: str) -> str:
    """The file; `made` is the day, as 2026-11-30."""
    time = f"{made}T00:00:00Z"
    things = {name: one.model_dump() for name, one in (*case.goals.items(), *case.requirements.items())}
    names = ["ReqIF.ForeignID", *FIELDS]
    definitions = [SpecAttributeDefinition(STRING, _of(name), TEXT, long_name=name, last_change=time) for name in names]
    types = [
        ReqIFSpecObjectType(ITEM, None, time, "safety goal or requirement", definitions),
        *(ReqIFSpecRelationType(LINK + kind, long_name=kind, last_change=time) for kind in ("serves", "refines")),
        ReqIFSpecificationType(LIST, None, time, "safety case", is_self_closed=True),
    ]
    content = ReqIFReqIFContent(
        data_types=[ReqIFDataTypeDefinitionString(TEXT, None, time, "text", "65536")],
        spec_types=types,
        spec_objects=[ReqIFSpecObject(_of(name), _values(name, one), ITEM, None, time) for name, one in things.items()],
        spec_relations=list(_relations(case, time)),
        specifications=[ReqIFSpecification(_of(title), None, time, title, [], LIST, _hierarchy(list(things), time))],
    )
    bundle = ReqIFBundle(
        ReqIFNamespaceInfo.create_default(),
        ReqIFReqIFHeader("_header", None, time, None, "KARYON", "1.0", "KARYON", title),
        ReqIFCoreContent(content),
        tool_extensions_tag_exists=False,
        lookup=ReqIFObjectLookup.empty(),
        exceptions=[],
    )
    return str(ReqIFUnparser.unparse(bundle))


def _of(name: str) -> str:
    """An identifier of XML."""
    return "_" + re.sub(r"[^\w.-]", "_", name)


def _values(name: str, one: Mapping[str, object]) -> list[SpecObjectAttribute]:
    told = {"ReqIF.ForeignID": name} | {to: str(one[of]) for to, of in FIELDS.items() if one.get(of) is not None}
    return [SpecObjectAttribute(STRING, _of(to), value) for to, value in told.items()]


def _relations(case: Case, time: str) -> Iterator[ReqIFSpecRelation]:
    for name, one in case.requirements.items():
        for kind, others in (("serves", one.goals), ("refines", one.refines)):
            for other in others:
                yield ReqIFSpecRelation(f"_{name}_{other}", LINK + kind, _of(name), _of(other), last_change=time)


def _hierarchy(names: Sequence[str], time: str) -> list[ReqIFSpecHierarchy]:
    return [
        ReqIFSpecHierarchy(identifier=f"_place{_of(name)}", spec_object=_of(name), level=1, last_change=time)
        for name in names
    ]
