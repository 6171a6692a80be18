from deep.five import fifth


class Fourth:
    def __init__(self, value):
        self.value = value

    @property
    def result(self):
        return self._compute()

    def _compute(self):
        return fifth(self.value)
