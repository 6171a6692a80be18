import pandas as pd


async def report(path):
    table = pd.read_csv(path)  # expect: LW201
    return table.shape
