import smtplib

import aiosmtplib


def server():
    return smtplib.SMTP("localhost", 25)  # expect: LW110:error


def deliver(user, text):
    connection = server()
    connection.sendmail("shop@example.org", [user], text)  # expect: LW110:error


async def deliver_async(user, text):
    await aiosmtplib.send(text, sender="shop@example.org", recipients=[user], port=25)
