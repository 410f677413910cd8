"""What providers give us for a while and all our processes share."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.privacy import EncryptedText


class ProviderToken(Base):
    __tablename__ = "provider_token"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    token: Mapped[str] = mapped_column(EncryptedText)
    expires_at: Mapped[datetime]


class ChannelPace(Base):
    """A channel whose provider asked for patience: nothing is sent this way until then. Each refusal in a row makes it longer."""

    __tablename__ = "channel_pace"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    not_before: Mapped[datetime]
    strikes: Mapped[int] = mapped_column(default=0)
