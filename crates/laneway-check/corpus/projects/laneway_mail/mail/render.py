from pathlib import Path

TEMPLATE = Path("letter.txt").read_text()


def letter(user):
    return TEMPLATE.format(user=user)
