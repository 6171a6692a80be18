"""A client with one form for threads and one for event loops."""

import asyncio
import smtplib
import time


def send(address, text):
    time.sleep(0.2)  # expect: LW110:warning
    return (address, text)


def deliver(text):
    server = smtplib.SMTP("localhost")  # expect: LW110:error
    server.send_message(text)  # expect: LW110:error


async def send_async(address, text):
    await asyncio.sleep(0.2)
    deliver(text)
    return (address, text)
