"""Relations and recommendations as one Python function for each schema, compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Extension, Integer, Number, Object, Text
from app.schema.recommendations import Recommended, Shape, SizedBanner
from app.schema.relations import AtLeastOne, AtMostOne, Excludes, RequiredWhen, Unique
from app.validation.supported import NotCompilable, check_schema

Rules = Callable[[Struct, set[str]], None]


class Rejected(Exception):
    """The compiled check does not accept a document; the message says where, without its values."""


def compile_rules(schema: OpenRtbObject) -> Rules:
    """Return the function that checks the relations and recommendations of `schema` and below.

    It takes an object of the type that Types makes of `schema`, raises Rejected for a relation that
    does not hold, and adds to a set the rule of each recommendation that is not followed. As it
    runs for each request, it is straight Python with the rules written into it. Raises
    NotCompilable for a rule of an unknown kind, or about members that the schema does not declare.
    """
    writer = _Writer()
    name = writer.function(schema)
    code = compile("\n".join(writer.lines), f"<rules of {type(schema).__name__}>", "exec")
    exec(code, writer.names)  # noqa: S102  of schemas that the operator chose, and identifiers alone
    rules: Rules = writer.names[name]
    return rules


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"Rejected": Rejected, "Struct": Struct}
        self._written: dict[type[OpenRtbObject], str] = {}

    def function(self, schema: OpenRtbObject) -> str:
        """Write the function of one schema, after those of the schemas in it; return its name."""
        if type(schema) not in self._written:
            body = [*self._own(schema), *self._inner(schema)] or ["pass"]
            name = f"rules_{len(self._written)}"
            self.lines += [f"def {name}(o, found):", *(f"    {line}" for line in body)]
            self._written[type(schema)] = name
        return self._written[type(schema)]

    def _own(self, schema: OpenRtbObject) -> Iterator[str]:
        for relation in schema.relations:
            where = f"{type(schema).__name__} {type(relation).__name__}"
            yield f"if {self._condition(relation, schema)}: raise Rejected({where!r})"
        for each in schema.recommendations:
            yield f"if {self._condition(each, schema)}: found.add({each.rule!r})"

    def _inner(self, schema: OpenRtbObject) -> Iterator[str]:
        for name, field in schema.fields.items():
            inner = field.inner if isinstance(field, Array) else field
            if isinstance(inner, Object) and has_rules(inner.schema):
                function = self.function(check_schema(inner.schema))
                if isinstance(field, Array):
                    yield f"for each in o.{name} or (): {function}(each, found)"
                elif isinstance(field, Extension):  # which may be anything
                    yield f"if isinstance(o.{name}, Struct): {function}(o.{name}, found)"
                else:
                    yield f"if o.{name} is not None: {function}(o.{name}, found)"

    def _condition(self, rule: object, schema: OpenRtbObject) -> str:
        try:
            return _BROKEN_WHEN[type(rule)](rule, _Members(schema, self.names))
        except KeyError as error:
            where = type(schema).__name__
            raise NotCompilable(f"{where}: {rule!r} is not known: {error}") from error


class _Members:
    """The members of one schema as Python expressions; KeyError for one that is not declared."""

    def __init__(self, schema: OpenRtbObject, names: dict[str, Any]) -> None:
        self._fields = schema.fields
        self._names = names

    def is_there(self, name: str) -> str:
        """Return what is true when the member is neither absent nor null nor an empty array."""
        field = self._fields[name]
        if isinstance(field, Extension):
            return f"(o.{name} not in (None, []))"
        return f"bool(o.{name})" if isinstance(field, Array) else f"(o.{name} is not None)"

    def value(self, name: str, *kinds: type) -> str:
        """Return the member itself, which must be declared as one of `kinds`."""
        if not isinstance(self._fields[name], kinds or (object,)):
            raise KeyError(name)
        return f"o.{name}"

    def inner(self, name: str, *members: str) -> None:
        """Raise KeyError unless the member is an object with these members of its own."""
        field = self._fields[name]
        for member in members:
            if not isinstance(field, Object) or member not in field.schema.fields:
                raise KeyError(f"{name}.{member}")

    def is_array(self, name: str) -> bool:
        return isinstance(self._fields[name], Array)

    def keys(self, array: str, key: str) -> str:
        """Return the set of the required strings `key` in the objects of `array`."""
        field = self._fields[array]
        inner = field.inner if isinstance(field, Array) else None
        named = inner.schema.fields[key] if isinstance(inner, Object) else None
        if not isinstance(named, Text) or not named.required:
            raise KeyError(f"{array}.{key} must be a required Text")
        return f"{{each.{key} for each in o.{array}}}"

    def constant(self, value: object) -> str:
        """Return a name that stands for `value`."""
        name = f"constant_{len(self._names)}"
        self._names[name] = value
        return name


def _at_most_one(rule: AtMostOne, o: _Members) -> str:
    first, *others = map(o.is_there, rule.names)
    if len(others) == 1:
        return f"{first} and {others[0]}"
    return f"{' + '.join([first, *others])} > 1"


def _excludes(rule: Excludes, o: _Members) -> str:
    return f"{o.is_there(rule.name)} and ({' or '.join(map(o.is_there, rule.others))})"


def _at_least_one(rule: AtLeastOne | Recommended, o: _Members) -> str:
    return f"not ({' or '.join(map(o.is_there, rule.names))})"


def _required_when(rule: RequiredWhen, o: _Members) -> str:
    other = o.value(rule.other, Integer)
    return f"{other} == {o.constant(rule.value)} and {o.value(rule.name)} is None"


def _unique(rule: Unique, o: _Members) -> str:
    array = o.value(rule.array, Array)
    several = f"{array} and len({array}) > 1"
    return f"{several} and len({o.keys(rule.array, rule.key)}) < len({array})"


def _shape(rule: Shape, o: _Members) -> str:
    test, member = o.constant(rule.test), o.value(rule.name, Text, Integer, Number, Array)
    if o.is_array(rule.name):
        return f"{member} and not all(map({test}, {member}))"
    return f"{member} is not None and not {test}({member})"


def _sized_banner(_rule: SizedBanner, o: _Members) -> str:
    o.value("instl", Integer)
    o.inner("banner", "format", "w", "h")
    unsized = "not o.banner.format and (o.banner.w is None or o.banner.h is None)"
    return f"o.banner is not None and not o.instl and {unsized}"


_BROKEN_WHEN: dict[type, Callable[[Any, _Members], str]] = {
    AtMostOne: _at_most_one,
    Excludes: _excludes,
    AtLeastOne: _at_least_one,
    RequiredWhen: _required_when,
    Unique: _unique,
    Recommended: _at_least_one,
    Shape: _shape,
    SizedBanner: _sized_banner,
}


def has_rules(schema: Any) -> bool:  # noqa: ANN401  marshmallow's schemas, OpenRtbObject or not
    """Say whether there are relations or recommendations in `schema` or below."""
    inner = (f.inner if isinstance(f, Array) else f for f in schema.fields.values())
    return bool(schema.relations or schema.recommendations) or any(
        has_rules(each.schema) for each in inner if isinstance(each, Object)
    )
