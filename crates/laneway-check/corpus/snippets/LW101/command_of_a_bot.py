import time

from discord.ext import commands

bot = commands.Bot("!")


@bot.command()
async def ping(ctx):
    time.sleep(1)  # expect: LW101:error
