"""OpenRTB 2.6 bid requests: every object and rule, declared once as marshmallow schemas."""

from app.openrtb.request import bid_request

__all__ = ["bid_request"]
