"""The OpenAPI document says of a bid request what the service says of it."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.http.openapi.document import openapi_json
from app.openrtb import bid_request
from app.problems import DeliveryUnknown, InvalidBidRequest, NotServed, Problem
from app.schema.base import OpenRtbObject
from app.schema.violation import Violation
from app.settings import load_settings, schema_in_force
from app.validation.validator import Validation, enforce, enforce_openrtb26
from tests.support.own_schema import OurRequest
from tests.unit.docs.test_rules import RULES, names, with_members
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")


def made(schema: OpenRtbObject, validate: Validation) -> dict[str, Any]:
    """Return the document as a reader parses it."""
    parsed: dict[str, Any] = json.loads(openapi_json(schema, validate))
    return parsed


DOCUMENT = made(bid_request(), enforce_openrtb26())
BIDS = Draft202012Validator({"$ref": "#/components/schemas/BidRequest", **DOCUMENT})
POST = DOCUMENT["paths"]["/bid"]["post"]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.path is not None], ids=names)
def test_every_rule_is_in_the_schema(rule: Any) -> None:  # noqa: ANN401  docs.rules.Rule
    """JSON Schema accepts and refuses the examples of each rule, as docs/validation.md has them."""
    assert BIDS.is_valid(with_members(rule.place.path, rule.passes))
    # that ids are unique has no equivalent
    assert BIDS.is_valid(with_members(rule.place.path, rule.fails)) is (rule.name == "unique")


def test_every_object_is_described() -> None:
    """Each schema is valid JSON Schema, and says what its object is."""
    schemas = DOCUMENT["components"]["schemas"]
    assert len(schemas) >= 36
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("description") or name == "Health", name


def test_every_problem_has_its_status() -> None:
    """The answers are 202 and one for each status that a problem can have, with its codes."""
    answers = POST["responses"]
    statuses = {str(int(kind.status)) for kind in set(Problem.__subclasses__()) - {NotServed}}
    assert answers.keys() == {"202", *statuses}
    for kind in set(Problem.__subclasses__()) - {NotServed}:
        assert f"`{kind.code}`" in answers[str(kind.status.value)]["description"]


@pytest.mark.parametrize(
    "problem",
    [
        InvalidBidRequest([Violation("required", "is required", "imp")]),
        DeliveryUnknown("Too late."),
    ],
)
def test_a_problem_keeps_to_the_document(problem: Problem) -> None:
    """A problem document satisfies the schema of its status, and not without its own members."""
    answer = POST["responses"][str(problem.status.value)]
    schema = answer["content"]["application/problem+json"]["schema"]
    check = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    assert check.is_valid(problem.document())
    for member in problem.members():
        assert not check.is_valid({k: v for k, v in problem.document().items() if k != member})


def test_examples_are_the_samples() -> None:
    """Every sample can be tried out."""
    examples = POST["requestBody"]["content"]["application/json"]["examples"]
    assert examples.keys() == {path.stem for path in (ROOT / "samples").glob("*.json")} != set()


def test_a_schema_of_your_own_is_documented() -> None:
    """With BID_SCHEMA the document has its members, and only the examples that it accepts."""
    own = made(OurRequest(), enforce(OurRequest()))
    assert "seat" in own["components"]["schemas"]["OurExtension"]["properties"]
    assert own["components"]["schemas"]["BidRequest"]["required"] == ["ext", "id", "imp"]
    content = own["paths"]["/bid"]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"] == {}


def test_with_validation_off_only_the_id_is_asked_for() -> None:
    """The document does not demand what VALIDATION_MODE does not."""
    settings = load_settings({"VALIDATION_MODE": "off"})
    schema = made(schema_in_force(settings), enforce_openrtb26())["components"]["schemas"]
    assert schema["BidRequest"]["properties"].keys() == {"id"}


def test_the_version_is_the_projects() -> None:
    """The document's version is that of pyproject.toml; its one server is its own origin."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert DOCUMENT["info"]["version"] == project["version"]
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/"]
