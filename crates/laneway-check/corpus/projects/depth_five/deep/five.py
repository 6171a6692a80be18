from deep.six import Sixth

sixth = Sixth()


def fifth(value):
    with sixth as opened:
        return opened.read(value)
