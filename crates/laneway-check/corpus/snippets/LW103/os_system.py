import os


async def restart(service):
    return os.system(f"systemctl restart {service}")  # expect: LW103
