#!/usr/bin/env python3
"""AWS for the lab: moto, with the parts of Systems Manager that moto lacks and the limits it forgets.

    .lab/venv/bin/python tests/lab/aws.py --listen 127.0.0.1:5005

The first line on stdout says where it listens, so port 0 is a good choice for tests.

Everything goes to moto, but first it passes a gate: is the service down, is the clock of the caller
right, is the caller throttled, may it do that, does the request fit AWS's own model of it (lengths,
patterns, required members: read from botocore), is it within the limits that only the guides tell?
PutInventory, GetInventory, ListInventoryEntries, PutComplianceItems, ListComplianceItems,
ListResourceComplianceSummaries, DescribeInstanceInformation and UpdateInstanceInformation are answered here
(managed.py), as are the calls about VPC Block Public Access.

Callers whose access key begins with ASIA are the instance and bound by its role's policy; by default
that of the managed policy AmazonSSMManagedInstanceCore. All others may do everything. What the instance asks of
EC2 and RDS passes the same gate and is refused in the words of their protocol.

Control is open to this machine only:

    PUT  /_lab/policy       JSON, an IAM policy document for the role; "stock" and "everything" also do
    PUT  /_lab/throttle     JSON {"action": "PutInventory"|null, "refuse": N, "of": M} or {"per_second": R}; {} ends it
    PUT  /_lab/down         true: 503 to everything; "ssm": 503 to that service; false: up again
    PUT  /_lab/registered   JSON list of the instance ids that Systems Manager knows; GET tells them
    PUT  /_lab/lost         JSON list of those that it has not heard of for long
    PUT  /_lab/tags         JSON {instance id: {key: value}}, as Systems Manager sees them
    PUT  /_lab/machines     JSON {instance id: [the words that enter it]}, where Run Command runs its scripts
    PUT  /_lab/clock        seconds by which AWS is ahead of this machine
    PUT  /_lab/network      JSON, a folder of describe-* answers by their files' names: EC2 and RDS hold that network
    GET  /_lab/received     inventory, compliance, and every call with its outcome (secrets left out)
    POST /_lab/reset        nothing received, nothing wrong, moto as new
"""

import argparse
import contextlib
import fnmatch
import io
import ipaddress
import json
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import aws_network
import botocore.session
import managed
import run_command
from block_public_access import BlockPublicAccess, Unknown
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from run_command import Commands
from werkzeug.serving import make_server

ACCOUNT = "123456789012"
REGION = "us-east-1"
INSTANCE = "i-0123456789abcdef0"
ROLE_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/vivarium-lab/{INSTANCE}"
KILOBYTE = 1024
PARAMETER_LIMIT = 4 * KILOBYTE
INVENTORY_ITEM_LIMIT = 200 * KILOBYTE
CALL_LIMIT = 1024 * KILOBYTE
CUSTOM_TYPES_LIMIT = 20
COMPLIANCE_TYPES_LIMIT = 10
COMPLIANCE_ITEM_LIMIT = 100 * KILOBYTE
CLOCK_TOLERANCE = 300

STOCK_ACTIONS = [
    "ssm:DescribeAssociation",
    "ssm:GetDeployablePatchSnapshotForInstance",
    "ssm:GetDocument",
    "ssm:DescribeDocument",
    "ssm:GetManifest",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:PutInventory",
    "ssm:PutComplianceItems",
    "ssm:PutConfigurePackageResult",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:*",
    "ec2messages:*",
]
POLICIES = {
    "stock": {"Statement": [{"Effect": "Allow", "Action": STOCK_ACTIONS, "Resource": "*"}]},
    "everything": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
}
TARGETS = {"AmazonSSM": "ssm", "secretsmanager": "secretsmanager"}
QUERY_ERRORS = {  # what EC2 and RDS call the errors of the gate, and with which status
    "ec2": {"AccessDeniedException": ("UnauthorizedOperation", 403),
            "ThrottlingException": ("RequestLimitExceeded", 503),
            "InvalidSignatureException": ("RequestExpired", 400)},
    "rds": {"AccessDeniedException": ("AccessDenied", 403), "ThrottlingException": ("Throttling", 400),
            "InvalidSignatureException": ("SignatureDoesNotMatch", 403)},
}  # fmt: skip


# What is asked for, is not in moto, and is in no network of the lab.
NOTHING = {
    "DescribeInstanceConnectEndpoints": "<DescribeInstanceConnectEndpointsResponse><instanceConnectEndpointSet/>"
    "</DescribeInstanceConnectEndpointsResponse>",
}


class Refused(Exception):
    """An answer that is an error, in AWS's words."""

    def __init__(self, code: str, message: str = "", status: int = 400):
        super().__init__(message)
        self.code, self.message, self.status, self.service = code, message, status, ""


@dataclass
class Call:
    """One request, understood."""

    service: str
    action: str
    region: str
    access_key: str
    date: str
    body: dict
    form: dict[str, str] = field(default_factory=dict)

    @property
    def is_instance(self) -> bool:
        return self.access_key.startswith("ASIA")

    @property
    def named_resource(self) -> str:
        """The resource as a denial names it: a secret as the caller did."""
        return self.body.get("SecretId") or self.resource

    @property
    def resource(self) -> str:
        """The ARN that IAM decides about."""
        if self.action in ("PutParameter", "GetParameter"):
            return f"arn:aws:ssm:{self.region}:{ACCOUNT}:parameter/{self.body.get('Name', '').lstrip('/')}"
        if self.service == "secretsmanager":
            name = self.body.get("SecretId", "")  # by name, IAM decides about an ARN with six letters more
            return (
                name
                if name.startswith("arn:")
                else f"arn:aws:secretsmanager:{self.region}:{ACCOUNT}:secret:{name}-LabLab"
            )
        node = self.body.get("InstanceId") or self.body.get("ResourceId")
        return f"arn:aws:ec2:{self.region}:{ACCOUNT}:instance/{node}" if node else "*"


def understand(environ: dict, body: bytes) -> Call | None:
    """The call that a request makes, or None where it is not one that the gate looks at."""
    target, _, action = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    service = TARGETS.get(target)
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if service is None:
        return understand_query(scope, environ, body) if scope is not None else None
    if scope is None:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    return Call(service, action, scope[2], scope[1], environ.get("HTTP_X_AMZ_DATE", ""), json.loads(body or b"{}"))


def understand_query(scope: re.Match[str], environ: dict, body: bytes) -> Call | None:
    """What is asked of EC2 or RDS, as a form."""
    key, region, service = scope.groups()
    form = dict(parse_qsl(body.decode(errors="replace"))) if service in QUERY_ERRORS else {}
    if "Action" not in form:
        return None
    return Call(service, form["Action"], region, key, environ.get("HTTP_X_AMZ_DATE", ""), {}, form)


@dataclass
class Throttle:
    """Refuses some calls: the first `refuse` of every `of`, or those above `per_second`."""

    action: str | None = None
    refuse: int = 0
    of: int = 1
    per_second: float | None = None
    seen: int = 0
    allowance: float = 1.0
    last: float = 0.0

    def refuses(self, action: str) -> bool:
        if self.action not in (None, action):
            return False
        if self.per_second is not None:
            return not self.spend(time.monotonic())
        self.seen += 1
        return (self.seen - 1) % self.of < self.refuse

    def spend(self, now: float) -> bool:
        """Takes one from a bucket that holds what one second brings."""
        self.allowance = min(max(1.0, self.per_second), self.allowance + (now - self.last) * self.per_second)
        self.last = now
        if self.allowance < 1.0:
            return False
        self.allowance -= 1.0
        return True


@dataclass
class State:
    """What Systems Manager holds, and what is wrong with it."""

    policy: dict = field(default_factory=lambda: POLICIES["stock"])
    throttle: Throttle = field(default_factory=Throttle)
    down: bool | str = False
    clock: float = 0.0
    registered: set[str] = field(default_factory=lambda: {INSTANCE})
    inventory: dict[str, dict[str, dict]] = field(default_factory=dict)  # node -> type -> item
    compliance: dict[str, dict[str, list[dict]]] = field(default_factory=dict)  # node -> type -> items
    public_access: BlockPublicAccess = field(default_factory=lambda: BlockPublicAccess(ACCOUNT))
    calls: list[dict] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    commands: Commands = field(default_factory=Commands)


# What the policy of the role says.


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def authorise(policy: dict, call: Call) -> None:
    """Explicit deny, then allow, else an implicit deny, in the words that IAM uses."""
    action = f"{call.service}:{call.action}"
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(call.resource, pattern) for pattern in listed(statement["Resource"]))
    }
    if "Deny" in effects:
        reason = "with an explicit deny in an identity-based policy"
    elif "Allow" in effects:
        return
    else:
        reason = f"because no identity-based policy allows the {action} action"
    who_what = f"User: {ROLE_SESSION} is not authorized to perform: {action} on resource: {call.named_resource}"
    raise Refused("AccessDeniedException", f"{who_what} {reason}")


def check_clock(call: Call, ahead: float) -> None:
    try:
        signed = datetime.strptime(call.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return
    now = time.time() + ahead
    if signed < now - CLOCK_TOLERANCE:
        stamp = datetime.fromtimestamp(now - CLOCK_TOLERANCE, UTC).strftime("%Y%m%dT%H%M%SZ")
        raise Refused("InvalidSignatureException", f"Signature expired: {call.date} is now earlier than {stamp}")
    if signed > now + CLOCK_TOLERANCE:
        stamp = datetime.fromtimestamp(now + CLOCK_TOLERANCE, UTC).strftime("%Y%m%dT%H%M%SZ")
        raise Refused(
            "InvalidSignatureException", f"Signature not yet current: {call.date} is still later than {stamp}"
        )


# AWS's own model of a request: required members, lengths, patterns, enumerations.

SSM = botocore.session.get_session().get_service_model("ssm")


def violations(shape, value, path: str):
    """Every constraint of `shape` that `value` breaks, as AWS words it."""
    limits = shape.metadata
    must = f"Value at '{path}' failed to satisfy constraint: Member must"
    if shape.type_name in ("string", "list", "map"):
        size = len(value)
        if size < limits.get("min", 0):
            yield f"{must} have length greater than or equal to {limits['min']}"
        if "max" in limits and size > limits["max"]:
            yield f"{must} have length less than or equal to {limits['max']}"
    if shape.type_name == "string":
        yield from violations_of_text(limits, value, path)
    elif shape.type_name == "list":
        for number, member in enumerate(value, 1):
            yield from violations(shape.member, member, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from violations(shape.key, key, f"{path}.key")
            yield from violations(shape.value, member, f"{path}.{key}.member")
    elif shape.type_name == "structure":
        yield from violations_of_structure(shape, value, path)


def violations_of_text(limits: dict, value: str, path: str):
    must = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must"
    if limits.get("enum") and value not in limits["enum"]:
        yield f"{must} satisfy enum value set: [{', '.join(limits['enum'])}]"
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        yield f"{must} satisfy regular expression pattern: {limits['pattern']}"


def violations_of_structure(shape, value: dict, path: str):
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{path}.{name}' failed to satisfy constraint: Member must not be null"
    for name, member in value.items():
        if name in shape.members and member is not None:
            yield from violations(shape.members[name], member, f"{path}.{name}".lstrip("."))


def check_model(call: Call) -> None:
    if call.service != "ssm" or call.action not in SSM.operation_names:
        return
    found = list(violations(SSM.operation_model(call.action).input_shape, call.body, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise Refused("ValidationException", f"{len(found)} validation {noun} detected: {'; '.join(found)}")


# What only the guides tell, and the operations that moto lacks.


def size_of(value) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())


def check_parameter(call: Call) -> None:
    value, tier = call.body.get("Value", ""), call.body.get("Tier", "Standard")
    if tier == "Standard" and len(value) > PARAMETER_LIMIT:
        words = (
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier."
        )
        raise Refused("ValidationException", words)
    if "{{" in value:
        raise Refused(
            "ValidationException", 'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.'
        )
    name = call.body.get("Name", "")
    if (
        not re.fullmatch(r"[a-zA-Z0-9_.\-/]+", name)
        or re.match(r"/?(aws|ssm)", name, re.IGNORECASE)
        or name.count("/") > 15
    ):
        raise Refused(
            "ValidationException",
            "Parameter name: only a mix of letters, numbers and the following 4 symbols .-_/ is allowed",
        )


def put_inventory(state: State, call: Call) -> dict:
    node, items = call.body["InstanceId"], call.body["Items"]
    if node not in state.registered:
        raise Refused("InvalidInstanceId", "")
    if size_of(items) > CALL_LIMIT:
        raise Refused(
            "TotalSizeLimitExceededException",
            "The size of inventory data has exceeded the total size limit for the resource.",
        )
    held = state.inventory.setdefault(node, {})
    accepted = {item["TypeName"]: accepted_item(item, held) for item in items}
    if len([name for name in {*held, *accepted} if name.startswith("Custom:")]) > CUSTOM_TYPES_LIMIT:
        raise Refused("CustomSchemaCountLimitExceededException", "You have exceeded the limit for custom schemas.")
    held.update(accepted)
    return {"Message": "Inventory was successfully uploaded"}


def accepted_item(item: dict, held: dict[str, dict]) -> dict:
    """What is held after this item: the old content where its hash says that nothing changed."""
    name, content = item["TypeName"], item.get("Content")
    if name.startswith("Custom:") and not re.fullmatch(r"Custom:[A-Z]\w*", name):
        raise Refused("InvalidTypeNameException", f"The parameter type name is not valid: {name}")
    if not re.fullmatch(r"([0-9]{1,6})(\.[0-9]{1,6})", item["SchemaVersion"]):
        raise Refused("InvalidInventoryItemContextException", "SchemaVersion")
    old, digest = held.get(name, {}), item.get("ContentHash")
    if content is None and (digest is None or old.get("ContentHash") != digest):
        raise Refused("ItemContentMismatchException", name)
    if digest is not None and old.get("ContentHash") == digest:
        return {**old, "CaptureTime": item["CaptureTime"]}
    if size_of(content) > INVENTORY_ITEM_LIMIT:
        raise Refused("ItemSizeLimitExceededException", f"The inventory item size has exceeded the size limit: {name}")
    return item


def put_compliance_items(state: State, call: Call) -> dict:
    node, kind, items = call.body["ResourceId"], call.body["ComplianceType"], call.body["Items"]
    if call.body["ResourceType"] != "ManagedInstance":
        raise Refused("InvalidResourceType", "The resource type is not valid.")
    if node not in state.registered:
        raise Refused("InvalidResourceId", "The resource ID is not valid.")
    if any(size_of(item) > COMPLIANCE_ITEM_LIMIT for item in items):
        raise Refused("ItemSizeLimitExceededException", "The compliance item size has exceeded the size limit.")
    if size_of(items) > CALL_LIMIT:
        raise Refused(
            "TotalSizeLimitExceededException", "The size of compliance data has exceeded the total size limit."
        )
    held = state.compliance.setdefault(node, {})
    if kind not in held and len([name for name in held if name.startswith("Custom:")]) >= COMPLIANCE_TYPES_LIMIT:
        raise Refused("ComplianceTypeCountLimitExceededException", "You specified too many custom compliance types.")
    common = {"ComplianceType": kind, "ResourceType": "ManagedInstance", "ResourceId": node}
    held[kind] = [{**item, **common, "ExecutionSummary": call.body["ExecutionSummary"]} for item in items]
    return {}


def update_instance_information(state: State, call: Call) -> dict:
    state.registered.add(call.body["InstanceId"])
    return {}


def send_command(state: State, call: Call) -> dict:
    if call.body["DocumentName"] != run_command.DOCUMENT:
        raise Refused("InvalidDocument", "The specified document does not exist.")
    node = call.body["InstanceIds"][0]
    if node not in state.registered or node not in state.commands.machines:
        words = f"Instances [[{node}]] not in a valid state for account {ACCOUNT}"
        raise Refused("InvalidInstanceId", words)
    return state.commands.send(node, call.body)


def get_command_invocation(state: State, call: Call) -> dict:
    told = state.commands.invocation(call.body["CommandId"], call.body["InstanceId"])
    if told is None:
        raise Refused("InvocationDoesNotExist", "")
    return told


OPERATIONS = {
    "PutInventory": put_inventory,
    "GetInventory": managed.get_inventory,
    "ListInventoryEntries": managed.list_inventory_entries,
    "PutComplianceItems": put_compliance_items,
    "ListComplianceItems": managed.list_compliance_items,
    "ListResourceComplianceSummaries": managed.list_resource_compliance_summaries,
    "UpdateInstanceInformation": update_instance_information,
    "DescribeInstanceInformation": managed.describe_instance_information,
    "SendCommand": send_command,
    "GetCommandInvocation": get_command_invocation,
}


class Gate:
    """The WSGI application in front of moto."""

    def __init__(self, policy: dict):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.policy = policy
        self.state = State(policy=policy)
        self.lock = threading.Lock()

    def __call__(self, environ: dict, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if environ["PATH_INFO"].startswith("/_lab/"):
            return self.control(environ, body, start_response)
        try:
            with self.lock:
                answer = self.pass_gate(environ, body)
        except Refused as refused:
            if refused.service in QUERY_ERRORS:
                return respond_in_xml(start_response, refused)
            error = {"__type": refused.code, "message": refused.message}
            return respond(start_response, refused.status, error, {"x-amzn-ErrorType": refused.code})
        if answer is None:
            return self.moto(environ, start_response)
        if isinstance(answer, str):
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [answer.encode()]
        return respond(start_response, 200, answer)

    def pass_gate(self, environ: dict, body: bytes) -> dict | str | None:
        """The answer where the gate has one itself, None where moto is to give it."""
        call = understand(environ, body)
        if self.state.down is True or (call is not None and call.service == self.state.down):
            raise Refused("ServiceUnavailable", "Service is unavailable", 503)
        if call is None:
            return None
        record = {"action": call.action, "by": "instance" if call.is_instance else "lab", "outcome": "accepted"}
        if call.action in OPERATIONS:
            record["body"] = call.body
        self.state.calls.append(record)
        try:
            return self.examine(call)
        except Refused as refused:
            record["outcome"], refused.service = refused.code, call.service
            raise

    def examine(self, call: Call) -> dict | str | None:
        check_clock(call, self.state.clock)
        if call.is_instance:
            if self.state.throttle.refuses(call.action):
                raise Refused("ThrottlingException", "Rate exceeded")
            authorise(self.state.policy, call)
        check_model(call)
        if call.action == "PutParameter":
            check_parameter(call)
        if call.service == "ec2":
            return NOTHING.get(call.action) or self.about_public_access(call)
        operation = OPERATIONS.get(call.action) if call.service == "ssm" else None
        try:
            return operation(self.state, call) if operation else None
        except managed.Refused as refused:
            raise Refused(refused.code) from refused

    def about_public_access(self, call: Call) -> str | None:
        try:
            return self.state.public_access.answer(call.action, call.region, call.form)
        except Unknown as error:
            raise Refused("InvalidVpcBlockPublicAccessExclusionId.NotFound", str(error)) from error

    def control(self, environ: dict, body: bytes, start_response):
        if not is_local(environ):
            return respond(start_response, 404, {})
        name = environ["PATH_INFO"].removeprefix("/_lab/")
        state, value = self.state, json.loads(body or b"null")
        match (environ["REQUEST_METHOD"], name):
            case ("PUT", "policy"):
                state.policy = POLICIES[value] if isinstance(value, str) else value
            case ("PUT", "throttle"):
                state.throttle = Throttle(**value)
            case ("PUT", "down"):
                state.down = value
            case ("PUT", "registered"):
                state.registered = set(value)
            case ("PUT", "lost"):
                state.lost = set(value)
            case ("PUT", "tags"):
                state.tags = value
            case ("PUT", "machines"):
                state.commands.machines = value
            case ("PUT", "clock"):
                state.clock = value
            case ("PUT", "network"):
                with self.lock:
                    aws_network.fill(value, ACCOUNT, REGION)
                access = value["describe-vpc-block-public-access-options"]["VpcBlockPublicAccessOptions"]
                state.public_access = BlockPublicAccess(ACCOUNT, access["InternetGatewayBlockMode"])
            case ("POST", "reset"):
                self.reset()
            case ("GET", "registered"):
                return respond(start_response, 200, sorted(state.registered))
            case ("GET", "received"):
                received = {"inventory": state.inventory, "compliance": state.compliance, "calls": state.calls}
                return respond(start_response, 200, received)
            case _:
                return respond(start_response, 404, {})
        return respond(start_response, 200, {})

    def reset(self) -> None:
        self.state = State(policy=self.policy)
        for name in ("ssm", "secretsmanager", "ec2", "rds"):
            get_backend(name).reset()


def is_local(environ: dict) -> bool:
    peer = environ["REMOTE_ADDR"]
    return ipaddress.ip_address(peer).is_loopback or peer == environ["SERVER_NAME"]


def respond(start_response, status: int, body: dict | list, headers: dict[str, str] | None = None):
    content = json.dumps(body).encode()
    basic = {"Content-Type": "application/x-amz-json-1.1", "Content-Length": str(len(content))}
    start_response(f"{status} {'OK' if status == 200 else 'Refused'}", list({**basic, **(headers or {})}.items()))
    return [content]


def respond_in_xml(start_response, refused: Refused):
    """EC2 has a list of errors, RDS one."""
    code, status = QUERY_ERRORS[refused.service].get(refused.code, (refused.code, refused.status))
    error = f"<Error><Code>{code}</Code><Message>{escape(refused.message)}</Message></Error>"
    holder = "<Response><Errors>{}</Errors></Response>"
    if refused.service != "ec2":
        holder = "<ErrorResponse>{}</ErrorResponse>"
    start_response(f"{status} Refused", [("Content-Type", "text/xml")])
    return [holder.format(error).encode()]


class QuietHandler(MotoRequestHandler):
    def log_request(self, *_values: object) -> None:
        """The control path tells what was received."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:5005", metavar="ADDRESS:PORT")
    parser.add_argument(
        "--policy", default="stock", metavar="NAME|FILE", help="stock, everything, or a policy document"
    )
    return parser.parse_args()


def main() -> None:
    given = arguments()
    policy = POLICIES.get(given.policy)
    if policy is None:
        with open(given.policy, encoding="utf-8") as file:
            policy = json.load(file)
    host, _, port = given.listen.rpartition(":")
    server = make_server(host, int(port), Gate(policy), threaded=True, request_handler=QuietHandler)
    print(f"listening on {host}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
    sys.exit(0)
