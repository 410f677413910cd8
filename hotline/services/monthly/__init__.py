"""The monthly report: figures of a month for the city or a unit, what they say, signed off and sent; and open figures of it."""
