import subprocess
import time
from pathlib import Path

import requests


def download(url):
    time.sleep(0.1)
    return requests.get(url, timeout=10).content


def save(path: Path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def convert(path):
    return subprocess.run(["convert", path], check=True).returncode


def index(path):
    return Path(path).read_text().splitlines()
