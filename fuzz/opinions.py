"""Two readers and two validators, which must say the same of every body."""

from __future__ import annotations

from app.openrtb import bid_request
from app.problems import InvalidBidRequest, MalformedBody
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled
from app.validation.explain import violations
from app.validation.strict_json import MAX_DEPTH, parse
from app.validation.validator import Validator
from tests.support import strict_json


class Difference(Exception):
    """Two opinions differ; the message says which."""


class Opinions:
    """Our reader and the json module, the compiled check and marshmallow."""

    def __init__(self) -> None:
        self._compiled = Compiled(bid_request())
        self._validator = Validator(bid_request())

    def compare(self, raw: bytes) -> None:
        """Raise Difference where two opinions on `raw` differ; anything else is a defect, too."""
        try:
            document = parse(raw)
        except MalformedBody as refused:
            refused.document()
            if _read_strictly(raw) is not None:
                raise Difference("refused by our reader alone") from refused
            return
        if repr(document) != repr(_read_strictly(raw)):
            raise Difference("read in two ways")
        expected = violations(document)
        if self._accepts(document) != (not expected):
            raise Difference("accepted by one validator alone")
        found = self._validator.validate(document).violations
        if list(found) != expected:
            raise Difference("explained in two ways")
        InvalidBidRequest(found).document()

    def _accepts(self, document: object) -> bool:
        try:
            self._compiled.check(document)
        except Rejected:
            return False
        return True


def _read_strictly(raw: bytes) -> dict[str, object] | None:
    try:
        return strict_json.read(raw, MAX_DEPTH)
    except ValueError:
        return None
