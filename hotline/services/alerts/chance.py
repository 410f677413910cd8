"""How seldom chance alone brings so many. Pure arithmetic."""

from math import exp, lgamma, log

# Where nothing was ever seen, one in a great while is still to be reckoned with.
HARDLY_EVER = 0.02
MOST_TERMS = 1000


def at_least(count: int, mean: float) -> float:
    """The probability of `count` or more in a Poisson distribution, summed from its tail so that tiny values stay exact."""
    mean = max(mean, HARDLY_EVER)
    if count <= mean:
        return 1.0  # nothing out of the ordinary: nobody asks how ordinary
    term = exp(count * log(mean) - mean - lgamma(count + 1))
    total = 0.0
    for k in range(count + 1, count + MOST_TERMS):
        total += term
        term *= mean / k
        if term <= total * 1e-16:
            break
    return min(total, 1.0)
