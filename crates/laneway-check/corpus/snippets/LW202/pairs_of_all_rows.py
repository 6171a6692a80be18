async def closest(points):
    best = None
    for first in points:  # expect: LW202
        for second in points:
            distance = (first[0] - second[0]) ** 2 + (first[1] - second[1]) ** 2
            if first is not second and (best is None or distance < best):
                best = distance
    return best
