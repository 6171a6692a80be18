import smtplib


async def notify(message):
    server = smtplib.SMTP("localhost", 25)  # expect: LW102
    server.send_message(message)  # expect: LW102
