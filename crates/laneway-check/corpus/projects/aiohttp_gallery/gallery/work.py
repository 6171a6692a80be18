import io

from PIL import Image


def shrink(data):
    image = Image.open(io.BytesIO(data))  # expect: LW110:hint
    small = image.resize((64, 64))  # expect: LW110:warning
    out = io.BytesIO()
    small.save(out, "PNG")  # expect: LW110:warning
    return out.getvalue()
