import cyclopts

app = cyclopts.App()


@app.command
async def login():
    return input("name: ")  # expect: LW106:warning
