"""The live service answers as its OpenAPI document says, whatever it is sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.services.conftest import Kafka
from tests.services.integration.app.conftest import Service
from tests.support.topics import read_all

pytestmark = pytest.mark.promise("documented")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
GETS = ("/healthz", "/readyz", "/metrics", "/openapi.json")
bounded = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def document(service: Service) -> Any:  # noqa: ANN401  schemathesis's own
    """Read the document from the service."""
    return schemathesis.openapi.from_url(f"{service.home}/openapi.json")


def statuses(operation: Any, mode: GenerationMode) -> Counter[int]:  # noqa: ANN401  schemathesis's own
    """Send requests that keep, or that break, what the document says; count the answers."""
    found: Counter[int] = Counter()

    @bounded
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:  # noqa: ANN401  schemathesis's own
        answer: Response = case.call_and_validate(checks=CHECKS)
        body = answer.json() if "json" in answer.headers["content-type"][0] else {}
        # the one rule that JSON Schema has no word for
        twice = {error["rule"] for error in body.get("errors", ())} == {"unique"}
        found[202 if twice and mode is GenerationMode.POSITIVE else answer.status_code] += 1

    send()
    return found


def test_what_the_document_allows_is_accepted(
    document: Any,  # noqa: ANN401  schemathesis's own
    kafka: Kafka,
    service: Service,
) -> None:
    """Bid requests made from the schema alone are answered 202, and are on the topic."""
    found = statuses(document["/bid"]["POST"], GenerationMode.POSITIVE)
    assert found.keys() == {202}
    assert found[202] >= 50
    assert read_all(kafka.bootstrap_servers, service.topic) != []


def test_what_the_document_forbids_is_refused(document: Any) -> None:  # noqa: ANN401  schemathesis's own
    """Bodies and headers that break the document are answered 400 or 415, as it says."""
    found = statuses(document["/bid"]["POST"], GenerationMode.NEGATIVE)
    assert found.keys() <= {400, 415}
    assert found[400] >= 20


@pytest.mark.parametrize("path", GETS)
def test_every_other_path_answers_as_documented(document: Any, path: str) -> None:  # noqa: ANN401  schemathesis's own
    """Probes, metrics and the document itself are what the document says of them."""
    assert statuses(document[path]["GET"], GenerationMode.POSITIVE).keys() == {200}


def test_the_document_names_every_path(document: Any) -> None:  # noqa: ANN401  schemathesis's own
    """Nothing else is documented, so that these tests ask for all of it."""
    assert set(document) == {"/bid", *GETS}
