"""A simulated year of the demo city: its people at their work, by the services themselves with a moved clock."""

from hotline.seeds.year.playing import Played as Played
from hotline.seeds.year.playing import play as play
