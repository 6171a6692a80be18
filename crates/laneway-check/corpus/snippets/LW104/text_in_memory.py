import io


async def report(rows):
    out = io.StringIO()
    for row in rows:
        out.write(f"{row}\n")
    return out.getvalue()
