from app.env import DEVICE


async def device(ready):
    await ready()
    if DEVICE == "cuda":
        import torch  # expect: LW106:hint

        return torch.cuda.current_device()
    import pandas  # expect: LW106:warning

    return pandas
