import subprocess
import time
from pathlib import Path


def print_receipt(name):
    subprocess.run(["lp", name], check=False)
    time.sleep(1)


def write_receipt(name):
    path = Path("receipts") / f"{name}.txt"
    path.write_text(name)  # expect: LW110:warning
