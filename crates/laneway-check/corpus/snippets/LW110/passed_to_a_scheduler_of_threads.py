import time

from apscheduler.schedulers.background import BackgroundScheduler


def settle():
    time.sleep(5)


async def start():
    scheduler = BackgroundScheduler()
    scheduler.add_job(settle, "interval", seconds=60)
    scheduler.start()
