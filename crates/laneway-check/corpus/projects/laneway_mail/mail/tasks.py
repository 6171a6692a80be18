import hashlib
import threading
import time

from laneway import Laneway

from mail.render import letter
from mail.send import deliver, deliver_async

app = Laneway()


@app.task
async def newsletter(user: str) -> None:
    text = letter(user)
    await deliver_async(user, text)


@app.task
async def receipt(user: str) -> None:
    deliver(user, letter(user))


@app.task(lane="thread")
def reminder(user: str) -> None:
    deliver(user, letter(user))
    time.sleep(1)


@app.task(lane="process")
def fingerprint(text: str) -> str:
    return hashlib.scrypt(text.encode(), salt=b"x", n=2**14, r=8, p=1).hex()


@app.task(lane="process")
def guarded(text: str, lock: threading.Lock) -> str:  # expect: LW601
    with lock:
        return text.upper()
