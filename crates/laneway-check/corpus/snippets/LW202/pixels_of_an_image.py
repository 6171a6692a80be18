async def invert(pixels, width, height):
    for y in range(height):  # expect: LW202
        for x in range(width):
            pixels[y * width + x] = 255 - pixels[y * width + x]
