"""What the wall shows beside the queue's figures: the city's ground, the usual day, lists behind numbers, all computed once."""
