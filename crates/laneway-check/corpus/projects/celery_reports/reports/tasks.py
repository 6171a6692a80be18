import time

import requests
from celery import Celery

app = Celery("reports", broker="redis://localhost")


def fetch(name):
    time.sleep(0.5)
    return requests.get(f"https://example.org/{name}", timeout=10).json()


@app.task
def build(name):
    return fetch(name)
