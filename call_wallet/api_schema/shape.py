"""The few words of JSON Schema that the API needs, and objects with names made of them."""

from typing import NamedTuple


def text(meaning, example=None, **rules):
    return described({"type": "string", **rules}, meaning, example)


def choice(meaning, values, example=None):
    return described({"type": "string", "enum": list(values)}, meaning, example)


def word(meaning, example=None):
    """A code of which there may be more in a later version."""
    return described({"type": "string"}, meaning, example)


def whole(meaning, least=None, most=None, example=None):
    rules = {"minimum": least, "maximum": most}
    return described(
        {"type": "integer", **{name: value for name, value in rules.items() if value is not None}}, meaning, example
    )


def amount(meaning, example="12.500000"):
    """A decimal number as text: no program between here and there makes a binary fraction of it."""
    return described({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}, meaning, example)


def moment(meaning, example="2026-11-02T09:30:00+00:00"):
    return described({"type": "string", "format": "date-time"}, meaning, example)


def flag(meaning):
    return described({"type": "boolean"}, meaning)


def rows(item, meaning, **rules):
    return described({"type": "array", "items": item, **rules}, meaning)


def anything(meaning):
    """Any object: what stands in it is not the API's to say."""
    return described({"type": "object", "additionalProperties": True}, meaning)


def described(schema, meaning, example=None):
    more = {} if example is None else {"examples": [example]}
    return {**schema, "description": meaning, **more}


def or_null(schema):
    """The same, or null."""
    if "$ref" in schema:
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return {"anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}], **rest}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **values}


class Shape(NamedTuple):
    """An object with a name: its fields, and which of them may be missing; closed: there may be no other."""

    name: str
    meaning: str
    fields: dict
    optional: tuple = ()
    is_closed: bool = False

    def ref(self, meaning=None):
        """Return what stands for it where it is used."""
        return {"$ref": f"#/components/schemas/{self.name}", **({"description": meaning} if meaning else {})}

    def schema(self):
        """Return it as JSON Schema. Answers may have more fields in later versions, so others are no fault there."""
        return {
            "type": "object",
            "description": self.meaning,
            "properties": self.fields,
            "required": [name for name in self.fields if name not in self.optional],
            **({"additionalProperties": False} if self.is_closed else {}),
        }
