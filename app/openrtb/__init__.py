"""OpenRTB 2.6 bid requests: every object and rule, declared once as marshmallow schemas."""

from app.openrtb.validate import bid_request, violations
from app.schema.violation import Violation

__all__ = ["Violation", "bid_request", "violations"]
