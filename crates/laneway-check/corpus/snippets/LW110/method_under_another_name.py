import time


class Given:
    def _run(self, wait=False):
        if wait:
            time.sleep(1)  # expect: LW110

    run = _run


class GivenByName:
    def _run(self, wait):
        if wait:
            time.sleep(1)  # expect: LW110

    run = _run


class NotGiven:
    def _run(self, wait=False):
        if wait:
            time.sleep(1)

    run = _run


class Static:
    @staticmethod
    def _run(wait, other=False):
        if other:
            time.sleep(1)

    run = _run
    walk = staticmethod(_run)


class Unbound:
    def _run(self, wait=False):
        if wait:
            time.sleep(1)

    run = _run


async def handler():
    Given().run(True)
    GivenByName()._run(False)
    GivenByName().run(True)
    NotGiven().run()
    Static().run(True)
    Static().walk(True)
    Unbound.run(Unbound())
