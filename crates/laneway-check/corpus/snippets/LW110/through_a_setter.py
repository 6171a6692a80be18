import subprocess


class Volume:
    _level = 0

    @property
    def level(self):
        return self._level

    @level.setter
    def level(self, value):
        subprocess.run(["amixer", "set", str(value)])  # expect: LW110
        self._level = value


async def louder(volume: Volume):
    volume.level = 11
