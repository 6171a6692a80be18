import requests

client = requests.Session()


async def of_a_mapping(event):
    match event:
        case {"client": client}:
            client.get("x")


async def of_a_sequence(event):
    match event:
        case [client, *_] | (_, client):
            client.get("x")


async def of_the_rest(event):
    match event:
        case {"kind": "open", **client}:
            client.get("x")
        case [_, *client]:
            client.get("x")


async def of_an_object(event):
    match event:
        case str(client) | OSError(args=client):
            client.get("x")
        case object() as client:
            client.get("x")


async def of_all(event):
    match event:
        case client if client.get("x"):
            return client.get("y")


async def of_another_name(event):
    match event:
        case {"session": session} | [session, *_]:
            client.get(session)  # expect: LW102
        case client.headers:
            return None


async def behind_the_match(event):
    own = requests.Session()
    match event:
        case [own]:
            own.get("x")
    own.get("y")  # expect: LW102
