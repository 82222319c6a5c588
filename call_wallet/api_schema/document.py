"""Puts the description of the API together: the shapes, and what the methods say of themselves."""

import inspect
import re

from . import answers
from .events import shapes, webhooks
from .methods import CONTEXT, METHODS
from .shape import Shape

VERSION = "2.0"
INTRODUCTION = """\
Odoo's JSON-2: `POST /json/2/<model>/<method>` with the method's parameters as one JSON object, and an API key of a
user in the group *Calling platform (API only)*. Amounts are decimal strings, times ISO 8601 with an offset. Later
versions add fields and codes, and take none away: ignore what you do not know.

Everything may be sent again: repeat a request under the same `call_ref` until it is answered. 400 to 422 stay what
they are, however often the same is sent; 429 and 500 to 504, and no answer, pass.
"""
PARTS = {
    "Before and during a call": "May it start, and for how long. End each call at `max_seconds` of the last answer.",
    "After a call": "Charge it, correct it, and look after what was refused.",
    "Reading": "What stands.",
    "Events": "What a platform is told, by webhooks in the manner of Standard Webhooks; `list_events` has the same.",
}
ERRORS = {
    "400": ("Unreadable", "The body is no JSON."),
    "401": ("NoKey", "No API key, or one that is wrong, expired or revoked."),
    "403": ("NotAllowed", "The key's user is neither in the platform's group nor in finance."),
    "404": ("NotFound", "No such method, or no such database."),
    "415": ("NotJson", "The content type is not `application/json`."),
    "422": ("Refused", "The request is wrong as a whole, and nothing of it was done. The message says what to change."),
    "429": ("TooMany", "A proxy asks for fewer requests. Repeat it after `Retry-After`."),
    "500": ("Failed", "The server or its database restarts, or an error of ours. Repeat it."),
    "502": ("NoServer", "A proxy has no answer from the server. Repeat it: it counts once."),
    "503": ("Busy", "A proxy or the server is busy. Repeat it after `Retry-After`."),
    "504": ("TooLate", "A proxy has waited too long for the server. Repeat it: it counts once."),
}
# What Odoo answers before it knows the database, or that a program has called; or while it fails.
PAGES = {"404", "415", "500"}
# What stands between a platform and the server answers with whatever it likes.
OF_PROXIES = {"429", "502", "503", "504"}
EVENTS_METHOD = "call.wallet.list_events"
DATABASE = {
    "name": "X-Odoo-Database",
    "in": "header",
    "required": False,
    "description": "The database, where the server has several.",
    "schema": {"type": "string"},
}


def build(functions):
    """Return the OpenAPI document of the methods that there are.

    :param functions: {"model.method": function}
    :raise ValueError: a method and its shape do not have the same parameters
    """
    # Events are told by webhooks and listed, or there are none.
    is_told = EVENTS_METHOD in functions
    return {
        "openapi": "3.1.0",
        "info": {"title": "Call Wallet", "version": VERSION, "description": INTRODUCTION},
        "servers": [{"url": "{origin}", "variables": {"origin": {"default": "http://localhost:8069"}}}],
        "security": [{"key": []}],
        "tags": [
            {"name": name, "description": meaning} for name, meaning in PARTS.items() if is_told or name != "Events"
        ],
        "paths": {
            "/json/2/{}/{}".format(*name.rsplit(".", 1)): {"post": _post(name, functions[name])}
            for name in METHODS
            if name in functions
        },
        **({"webhooks": webhooks()} if is_told else {}),
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of the platform's user."}
            },
            "parameters": {"database": DATABASE},
            "schemas": {shape.name: shape.schema() for shape in [*_answers(), *(shapes() if is_told else [])]},
            "responses": {
                name: {"description": meaning, **({} if status in OF_PROXIES else {"content": _error(status)})}
                for status, (name, meaning) in ERRORS.items()
            },
        },
    }


def _answers():
    return [shape for shape in vars(answers).values() if isinstance(shape, Shape)]


def _post(name, function):
    method, short = METHODS[name], name.rpartition(".")[2]
    summary, description = _read(function)
    return {
        "operationId": short,
        "tags": [method.part],
        "summary": summary,
        **({"description": description} if description else {}),
        "parameters": [{"$ref": "#/components/parameters/database"}],
        "requestBody": {"required": True, "content": _json(_body(name, function), short, method.request)},
        "responses": {
            "200": {"description": "Done.", "content": _json(method.answer, short, method.response)},
            **{status: {"$ref": f"#/components/responses/{error}"} for status, (error, _meaning) in ERRORS.items()},
        },
    }


def _body(name, function):
    """Return the schema of the parameters; which may be left out, and what holds then, is the method's to say."""
    given = dict(inspect.signature(function).parameters)
    given.pop("self")
    shapes = METHODS[name].parameters
    if set(given) != set(shapes):
        raise ValueError(f"{name}: its parameters and those of its shape differ: {set(given) ^ set(shapes)}")
    properties = {}
    for parameter in given.values():
        properties[parameter.name] = shapes[parameter.name]
        if parameter.default not in (parameter.empty, None):
            properties[parameter.name] = {**shapes[parameter.name], "default": parameter.default}
    return {
        "type": "object",
        "properties": {**properties, "context": CONTEXT},
        "required": [parameter.name for parameter in given.values() if parameter.default is parameter.empty],
        "additionalProperties": False,
    }


def _read(function):
    """Return the first paragraph of a docstring, and the others; what it says of parameters stands in the shapes."""
    text = inspect.getdoc(function).partition("\n:")[0].replace("``", "`")
    summary, *rest = (re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", text.strip()))
    return summary, "\n\n".join(rest)


def _error(status):
    """Return what an answer with this status contains: Odoo's description of an error, a page, or either."""
    page = {"text/html": {"schema": {"type": "string"}}} if status in PAGES else {}
    return {**(_json(answers.ERROR.ref()) if status != "415" else {}), **page}


def _json(schema, name=None, example=None):
    examples = {"examples": {name: {"value": example}}} if name else {}
    return {"application/json": {"schema": schema, **examples}}
