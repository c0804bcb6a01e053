"""Prints, for each action of a list, an answer in XML with every field there is, and what botocore makes of it.

    echo '["DescribeVpcs"]' | python every_field.py

The rows are a JSON list: action, body, answer. Numbers, flags and times differ from field to field.
"""

import itertools
import json
import re
import sys
from datetime import datetime

import botocore.parsers
import botocore.session

SERVICES = [botocore.session.get_session().get_service_model(name) for name in ("ec2", "rds", "sts")]
NUMBERS = itertools.count(1)


def filled(shape, element: str) -> str:
    return f"<{element}>{content(shape)}</{element}>"


def content(shape) -> str:
    number = next(NUMBERS)
    if shape.type_name == "structure":
        members = shape.members.items()
        return "".join(filled(of, of.serialization.get("name", name)) for name, of in members)
    if shape.type_name == "list":
        return 2 * filled(shape.member, shape.member.serialization.get("name", "member"))
    texts = {
        "integer": str(number), "long": str(number), "float": f"{number}.5", "double": f"{number}.5",
        "boolean": "true" if number % 2 else "false",
        "timestamp": f"2026-11-23T10:00:{number % 60:02}.{number % 1000:03}Z",
    }  # fmt: skip
    return texts.get(shape.type_name, f"text &amp; {number}")


def plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name != "ResponseMetadata"}
    return [plain(each) for each in value] if isinstance(value, list) else value


def row(action: str) -> dict:
    service = next(model for model in SERVICES if action in model.operation_names)
    shape = service.operation_model(action).output_shape
    inner = re.sub(r"^(.*)<(nextToken|Marker)>.*?</\2>", r"\1", content(shape))  # this is the last page
    wrapper = shape.serialization.get("resultWrapper")
    inner = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else inner
    body = f'<{action}Response xmlns="{service.metadata["xmlNamespace"]}">{inner}</{action}Response>'
    parser = botocore.parsers.create_parser(service.metadata["protocol"])
    answer = parser.parse({"status_code": 200, "headers": {}, "body": body.encode()}, shape)
    return {"action": action, "body": body, "answer": plain(answer)}


if __name__ == "__main__":
    json.dump([row(action) for action in json.load(sys.stdin)], sys.stdout)
