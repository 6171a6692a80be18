from deep import four


def third(value):
    return four.Fourth(value).result
