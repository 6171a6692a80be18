ROUNDS = 500_000


async def primes():
    found = []
    for candidate in range(2, ROUNDS):  # expect: LW202
        if all(candidate % prime for prime in found):
            found.append(candidate)
    return found
