import subprocess


class Volume:
    _level = 0

    @property
    def level(self):
        return subprocess.check_output(["amixer", "get"])

    @level.setter
    def level(self, value):
        self._level = value


async def louder(volume: Volume):
    volume.level = 11
