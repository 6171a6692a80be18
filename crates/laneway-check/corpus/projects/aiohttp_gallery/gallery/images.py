from gallery.store import FileStore
from gallery.work import shrink


def thumbnail(name):
    return shrink(FileStore("images").read(name))
