import time


def of_a_sequence(wait=None):
    match (1, 2):
        case (wait, _):
            pass
    if wait:
        time.sleep(1)  # expect: LW110


def of_a_mapping(wait=None):
    match {"a": 1}:
        case {"a": 1, **wait}:
            pass
    if wait:
        time.sleep(1)  # expect: LW110


def of_an_object(wait=None):
    match 3:
        case int() as wait:
            pass
    if wait:
        time.sleep(1)  # expect: LW110


def of_a_list(wait=None):
    match [1]:
        case [*wait]:
            pass
    if wait:
        time.sleep(1)  # expect: LW110


def of_another_name(wait=None):
    match [1]:
        case [*_] | {"wait": _}:
            pass
    if wait:
        time.sleep(1)


async def handler():
    of_a_sequence()
    of_a_mapping()
    of_an_object()
    of_a_list()
    of_another_name()
