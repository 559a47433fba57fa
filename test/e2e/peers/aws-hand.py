"""Somebody else's client of AWS, by botocore: a JSON line in (service, operation, arguments, region), a JSON line out."""

import base64
import json
import sys

import botocore.config
import botocore.session
from moto.iam.access_control import IAMPolicy

endpoint = sys.argv[1]
session = botocore.session.Session()
clients = {}


def client_of(service, region, keys):
    name = (service, region, json.dumps(keys))
    if name not in clients:
        config = botocore.config.Config(retries={"max_attempts": 1})
        key = keys or {"id": "hand", "secret": "hand"}
        clients[name] = session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=key["id"],
            aws_secret_access_key=key["secret"],
            aws_session_token=key.get("token"),
            config=config,
        )
    return clients[name]


def unpacked(value):
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {key: unpacked(inner) for key, inner in value.items()}
    return [unpacked(one) for one in value] if isinstance(value, list) else value


for line in sys.stdin:
    asked = json.loads(line)
    try:
        if asked["service"] == "iam-policy":
            given = asked["arguments"]
            verdict = IAMPolicy(given["policy"]).is_action_permitted(given["action"], given["resource"])
            print(json.dumps({"answer": {"answer": verdict.name}}), flush=True)
            continue
        client = client_of(asked["service"], asked["region"], asked.get("keys"))
        answer = getattr(client, asked["operation"])(**unpacked(asked["arguments"]))
        answer.pop("ResponseMetadata", None)
        print(json.dumps({"answer": answer}, default=str), flush=True)
    except Exception as fault:  # the test decides what it means
        print(json.dumps({"fault": f"{type(fault).__name__}: {fault}"}), flush=True)
