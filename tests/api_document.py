"""Looks things up in the description of the API, and compares answers with it."""

import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

PATH = Path(__file__).resolve().parents[1] / "docs/openapi.json"
PREFIX = "/json/2/"


@cache
def document():
    return json.loads(PATH.read_text())


@cache
def _components():
    return strict(document()["components"])


def strict(node):
    """Return it with objects that have the fields they are said to have, and no other."""
    if isinstance(node, list):
        return [strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {name: strict(value) for name, value in node.items()}
    if node.get("type") == "object" and "properties" in node and "additionalProperties" not in node:
        node["additionalProperties"] = False
    return node


def problems(schema, value):
    """Return what is wrong with a value, a line each; a field that is not described is wrong, too."""
    schema = {**strict(schema), "components": _components()}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in validator.iter_errors(value)]


def operation(name):
    """Return the operation of ``model.method``."""
    return document()["paths"][PREFIX + "/".join(name.rsplit(".", 1))]["post"]


def content(part):
    """Return the JSON content of a request or of a response, looked up where it is a reference."""
    if "$ref" in part:
        part = document()["components"]["responses"][part["$ref"].rpartition("/")[2]]
    return part["content"].get("application/json")


def answer_problems(name, status, value):
    response = operation(name)["responses"].get(str(status))
    return problems(content(response)["schema"], value) if response else [f"{name}: {status} is not described"]
