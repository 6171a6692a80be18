import urllib.request


class Sixth:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, value):
        answer = urllib.request.urlopen(f"https://example.org/{value}")  # expect: LW110:error
        return answer.read()  # expect: LW110:error
