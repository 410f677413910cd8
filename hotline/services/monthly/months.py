"""A month by the city's clock."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from hotline.errors import NotFound
from models.base import CITY_TIME


@dataclass(frozen=True, order=True)
class Month:
    first: date

    @classmethod
    def parse(cls, text: str) -> "Month":
        try:
            return cls(date.fromisoformat(f"{text}-01"))
        except ValueError:
            raise NotFound() from None

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        return cls(moment.astimezone(CITY_TIME).date().replace(day=1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def after(self) -> "Month":
        return Month((self.first + timedelta(days=31)).replace(day=1))

    @property
    def before(self) -> "Month":
        return Month((self.first - timedelta(days=1)).replace(day=1))

    @property
    def year_before(self) -> "Month":
        return Month(self.first.replace(year=self.first.year - 1))

    @property
    def days(self) -> int:
        return (self.after.first - self.first).days

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), CITY_TIME)

    @property
    def end(self) -> datetime:
        return self.after.start
