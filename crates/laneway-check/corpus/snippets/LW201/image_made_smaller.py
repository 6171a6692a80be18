from PIL import Image


async def thumbnail(image: Image.Image):
    return image.resize((64, 64))  # expect: LW201
