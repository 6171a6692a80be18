from typing import TYPE_CHECKING

try:
    import orjson as json
except ImportError:
    import json

if TYPE_CHECKING:
    from client.transport import Transport


def decode(body):
    return json.loads(body)  # expect: LW110:hint


def name(transport: "Transport"):
    return transport.name
