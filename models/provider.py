"""What providers give us for a while and all our processes share."""

import uuid
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


class GatewayPace(Base):
    """A provider that asked for patience: nothing is sent through it until then. Each refusal in a row makes it longer."""

    __tablename__ = "gateway_pace"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(24), primary_key=True)  # empty where a channel has only one
    not_before: Mapped[datetime]
    strikes: Mapped[int] = mapped_column(default=0)
    # The message by which it is found out whether the provider is back.
    probe_id: Mapped[uuid.UUID | None]
