"""Schemas that an operator might write, good ones and others."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import fields

from app.openrtb.request import BidRequest
from app.schema.base import OpenRtbObject
from app.schema.constraints import NOT_EMPTY
from app.schema.fields import Object, Text


class OurExtension(OpenRtbObject):
    """What our partners put into the request's ext."""

    seat = Text(required=True, validate=NOT_EMPTY)


class OurRequest(BidRequest):
    """OpenRTB 2.6, and a seat in ext."""

    ext = Object(OurExtension, required=True)


class WithoutId(OpenRtbObject):
    pass


class OptionalId(OpenRtbObject):
    id = Text(validate=NOT_EMPTY)


class Unknown(OpenRtbObject):
    """A field of marshmallow's own, which would convert."""

    id = Text(required=True, validate=NOT_EMPTY)
    at = fields.String()


class UnknownInside(OpenRtbObject):
    id = Text(required=True, validate=NOT_EMPTY)
    inside = Object(Unknown)


@dataclass(frozen=True)
class Anything:
    """A relation of the operator's own."""


class UnknownRule(OpenRtbObject):
    """A relation that the compiler does not know."""

    relations = (Anything(),)  # type: ignore[assignment]  # the point

    id = Text(required=True, validate=NOT_EMPTY)
