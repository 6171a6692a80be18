import requests

from plugins.base import Plugin


class Weather(Plugin):
    name = "weather"

    def value(self):
        return requests.get("https://example.org/weather", timeout=5).text  # expect: LW110:error


class Fixed(Plugin):
    def value(self):
        return "42"
