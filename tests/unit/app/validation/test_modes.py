"""VALIDATION_MODE and BID_SCHEMA, as a client sees them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.__main__ import main
from app.openrtb import bid_request
from app.settings import build_validation, load_settings
from app.validation.compile_rules import Rejected
from app.validation.validator import MODES, Validator
from tests.unit.app.conftest import BID, Ingest, make_ingest

BROKEN = {**BID, "imp": [], "at": "1", "ext": {"a": 1}}
RULES = ("not-empty", "type", "auction-type", "no-context")
SOFT = {**BID, "at": 3, "site": None}


def configured(**environ: str) -> Ingest:
    """Return the ingest that an environment makes."""
    return make_ingest(build_validation(load_settings(environ)))


def post(ingest: Ingest, document: dict[str, Any]) -> int:
    """Post a document and return the status."""
    return ingest.client.post("/bid", data=json.dumps(document)).status_code


def headers(ingest: Ingest) -> dict[str, bytes]:
    """Return the validation's headers of the one record."""
    (record,) = ingest.publisher.records
    return {k: v for k, v in record.headers if k.startswith("validation-")}


SOFT_RULES = {"validation-warnings": b"auction-type,no-context"}
BROKEN_RULES = {"validation-violations": b"not-empty,type"}
# the mode, what is posted, the marks on its record (None: refused), what is counted of each rule
MODE_TABLE: list[tuple[str, dict[str, Any], dict[str, bytes] | None, dict[str, list[str]]]] = [
    ("enforce", BID, {}, {}),
    ("enforce", BROKEN, None, {"violations": ["not-empty", "type"]}),
    ("enforce", SOFT, SOFT_RULES, {"warnings": ["auction-type", "no-context"]}),
    ("warn", BROKEN, BROKEN_RULES, {"tolerated_violations": ["not-empty", "type"]}),
    ("warn", SOFT, SOFT_RULES, {"warnings": ["auction-type", "no-context"]}),
    ("off", BROKEN, {}, {}),
]


@pytest.mark.promise("valid")
@pytest.mark.parametrize(("mode", "document", "marks", "counted"), MODE_TABLE)
def test_mode(
    mode: str,
    document: dict[str, Any],
    marks: dict[str, bytes] | None,
    counted: dict[str, list[str]],
) -> None:
    """Refused or accepted, the record marked with what was found, and each rule counted once."""
    ingest = configured(VALIDATION_MODE=mode)
    assert post(ingest, document) == (400 if marks is None else 202)
    bodies = [record.value for record in ingest.publisher.records]
    assert bodies == [json.dumps(document).encode()] * (marks is not None)
    if marks is not None:
        assert headers(ingest) == marks
    found = {
        kind: [rule for rule in RULES if ingest.count(f"ingest_{kind}_total", rule=rule) == 1]
        for kind in ("violations", "tolerated_violations", "warnings")
    }
    assert {kind: rules for kind, rules in found.items() if rules} == counted


@pytest.mark.promise("valid")
@pytest.mark.parametrize("mode", ["warn", "off"])
@pytest.mark.parametrize("bid_id", [None, "", 1, [], {}])
def test_an_id_is_needed(mode: str, bid_id: object) -> None:
    """What has no id that could be the record's key is refused for that alone, in each mode."""
    ingest = configured(VALIDATION_MODE=mode)
    answer = ingest.client.post("/bid", data=json.dumps({**BROKEN, "id": bid_id}))
    assert answer.status_code == 400
    assert answer.json is not None
    assert [error["path"] for error in answer.json["errors"]] == ["id"]
    assert post(ingest, {}) == 400


@pytest.mark.promise("valid")
@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("body", [b'{"id":"1","id":"1"}', b'{"id":"1","x":NaN}', b'["id"]'])
def test_json_is_needed(mode: str, body: bytes) -> None:
    """In each mode, what two readers might read differently is refused."""
    ingest = configured(VALIDATION_MODE=mode)
    assert ingest.client.post("/bid", data=body).status_code == 400
    assert ingest.publisher.records == []


@pytest.mark.promise("configured")
class TestSchemas:
    """BID_SCHEMA."""

    def test_minimal(self) -> None:
        """A non-empty string id is all that `minimal` asks for."""
        ingest = configured(BID_SCHEMA="minimal")
        assert post(ingest, {"id": "1"}) == 202
        assert post(ingest, {"id": ""}) == 400

    def test_your_own(self) -> None:
        """A class of your own is compiled and enforced like ours."""
        ingest = configured(BID_SCHEMA="tests.support.own_schema:OurRequest")
        assert post(ingest, BID) == 400
        assert post(ingest, {**BID, "ext": {"seat": "s-1"}}) == 202

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("openrtb27", "is neither openrtb26, minimal nor package.module:SchemaClass"),
            (":Schema", "is neither"),
            ("no.such.module:Schema", "ModuleNotFoundError"),
            ("tests.support.own_schema:Nothing", "AttributeError"),
            ("tests.support.own_schema:WithoutId", "must declare id"),
            ("tests.support.own_schema:OptionalId", "must declare id"),
            ("tests.support.own_schema:Unknown", "NotCompilable: Unknown.at: String is none of"),
            ("tests.support.own_schema:UnknownInside", "Unknown.at: String is none of"),
            ("tests.support.own_schema:UnknownRule", "is not known"),
            ("json:JSONDecoder", "must be an OpenRtbObject"),
        ],
    )
    @pytest.mark.parametrize("mode", ["enforce", "warn"])
    def test_an_unusable_schema_stops_the_start(self, name: str, why: str, mode: str) -> None:
        """One line that names the variable and what is wrong, and exit code 2."""
        stderr = io.StringIO()
        environ = {"BID_SCHEMA": name, "VALIDATION_MODE": mode}
        assert main(environ, io.StringIO(), stderr) == 2
        assert stderr.getvalue().startswith("BID_SCHEMA=")
        assert why in stderr.getvalue()
        assert stderr.getvalue().count("\n") == 1

    def test_an_unknown_mode_stops_the_start(self) -> None:
        """A mode that does not exist is named, with exit code 2."""
        stderr = io.StringIO()
        assert main({"VALIDATION_MODE": "lenient"}, io.StringIO(), stderr) == 2
        assert stderr.getvalue().startswith("VALIDATION_MODE='lenient'")


@pytest.mark.promise("valid")
def test_a_compiled_mismatch_is_accepted_counted_and_logged() -> None:
    """Where the compiled check is wrong what marshmallow says stands, and somebody hears of it."""

    def wrong(_document: object) -> tuple[str, ...]:
        raise Rejected("imp[0].banner")

    ingest = make_ingest(Validator(bid_request(), wrong).validate)
    with capture_logs() as lines:
        assert post(ingest, BID) == 202
    assert ingest.count("ingest_compiled_mismatches_total") == 1
    assert lines[0] == {
        "event": "compiled mismatch",
        "log_level": "error",
        "path": "imp[0].banner",
    }
