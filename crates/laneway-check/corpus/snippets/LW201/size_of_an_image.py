from PIL import Image


async def size(image: Image.Image):
    return image.size, image.mode
