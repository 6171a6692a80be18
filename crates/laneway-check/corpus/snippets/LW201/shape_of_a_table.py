import pandas as pd


async def shape(table: pd.DataFrame):
    return table.shape, list(table.columns)
