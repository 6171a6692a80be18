async def root(value: float) -> float:
    guess = value
    while abs(guess * guess - value) > 1e-12:  # expect: LW202 (missed: nothing says how many turns)
        guess = (guess + value / guess) / 2
    return guess
