import time


class Feature:
    def enabled(self):
        return False

    def go(self):
        if self.enabled():
            time.sleep(1)  # expect: LW110


class On(Feature):
    enabled = lambda self: True


class Fixed:
    def enabled(self):
        return False

    def go(self):
        if self.enabled():
            time.sleep(1)


class Other(Fixed):
    disabled = lambda self: True


async def handler(feature: Feature, fixed: Fixed):
    feature.go()
    On().go()
    fixed.go()
