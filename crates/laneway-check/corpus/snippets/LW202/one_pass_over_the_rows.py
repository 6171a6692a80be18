async def names(rows):
    found = []
    for row in rows:
        if row["active"]:
            found.append(row["name"])
    return found
