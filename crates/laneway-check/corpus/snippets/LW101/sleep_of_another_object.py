class Robot:
    def __init__(self):
        self.asleep = False

    def sleep(self, deep):
        self.asleep = deep


async def night(robot: Robot):
    robot.sleep(True)
