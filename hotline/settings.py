"""Every setting of the service; the only reader of the environment. `.env.example` says why each one exists."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Web(BaseModel):
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    trusted_proxies: list[str] = []
    operator_token: SecretStr | None = None


class Database(BaseModel):
    url: str = ""  # empty: SQLite in the data folder
    pool_size: int = 10


class Celery(BaseModel):
    broker_url: str = ""  # empty: consequences run in the relay's own thread


class Redis(BaseModel):
    url: str = ""  # empty: pushes go over a Unix socket in the data folder


class Asterisk(BaseModel):
    host: str = "127.0.0.1"
    sip_port: int = 5060
    ws_port: int = 8088


class Sms(BaseModel):
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr | None = None
    twilio_from: str = ""


class Wechat(BaseModel):
    token: SecretStr | None = None
    app_id: str = ""
    app_secret: SecretStr | None = None


class Mail(BaseModel):
    imap_url: SecretStr | None = None
    smtp_url: SecretStr | None = None


class Privacy(BaseModel):
    key: SecretStr | None = None  # base64, at least 32 bytes; the demo makes its own
    old_keys: list[SecretStr] = []


class Desk(BaseModel):
    heartbeat_seconds: int = 45
    session_hours: int = 12


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_nested_delimiter="__", env_file=".env", extra="ignore")

    data_dir: Path = Path("var")
    demo: bool = False
    demo_password: SecretStr | None = None
    telephony: Literal["on", "off"] = "on"
    model_dir: Path = Path("classifier/artifacts/demo")
    log_level: str = "INFO"
    web: Web = Field(default_factory=Web)
    database: Database = Field(default_factory=Database)
    celery: Celery = Field(default_factory=Celery)
    redis: Redis = Field(default_factory=Redis)
    asterisk: Asterisk = Field(default_factory=Asterisk)
    sms: Sms = Field(default_factory=Sms)
    wechat: Wechat = Field(default_factory=Wechat)
    mail: Mail = Field(default_factory=Mail)
    privacy: Privacy = Field(default_factory=Privacy)
    desk: Desk = Field(default_factory=Desk)

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir.resolve() / 'hotline.db'}"

    @property
    def public_url(self) -> str:
        return (self.web.public_url or f"http://{self.web.host}:{self.web.port}").rstrip("/")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read once per process; hand groups on from there."""
    return Settings()
