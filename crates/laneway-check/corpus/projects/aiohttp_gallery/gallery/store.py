from pathlib import Path


class Store:
    def read(self, name):
        return self.load(self.path(name))

    def load(self, path):
        raise NotImplementedError

    def path(self, name):
        return Path(name)


class FileStore(Store):
    def __init__(self, folder):
        self.folder = Path(folder)

    def path(self, name):
        return self.folder / name

    def load(self, path: Path):
        return path.read_bytes()  # expect: LW110:warning
