import functools

import serial


class Meter:
    def __init__(self, port):
        self.port = serial.Serial(port)  # expect: LW110:warning

    @functools.cached_property
    def model(self):
        return self.ask(b"model")

    def ask(self, question):
        self.port.write(question)  # expect: LW110
        return self.port.read(16)  # expect: LW110

    @staticmethod
    def parse(answer):
        return answer.decode().strip()
