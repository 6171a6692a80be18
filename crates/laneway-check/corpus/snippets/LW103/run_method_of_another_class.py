class Machine:
    def run(self, command):
        return len(command)


async def simulate(machine: Machine):
    return machine.run(["step"])
