"""Every setting of the service; the only reader of the environment. `.env.example` says why each one exists."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PositiveInt, Secret, SecretStr, StringConstraints
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


# These are written into Asterisk's own files: nothing in them may end a line or begin another option.
Number = Annotated[str, StringConstraints(pattern=r"^\d{2,20}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[\w.:/@+=\[\]-]*$")]


class Asterisk(BaseModel):
    host: Word = "127.0.0.1"
    bind: Word = "127.0.0.1"
    sip_port: int = 5060
    ws_port: int = 8088
    ws_url: str = ""  # empty: ws, the page's own host and the port above
    media_address: Word = ""  # empty: the address that it listens on
    root: Path | None = None  # empty: the machine's, else the one that `make asterisk` fetched
    ami_secret: SecretStr | None = None  # empty: made up and kept in the data folder
    ami_from: list[Word] = ["127.0.0.1"]
    agi_host: Word = "127.0.0.1"
    agi_bind: Word = "127.0.0.1"
    numbers: list[Number] = ["12345"]
    trunk_addresses: list[Word] = []  # the demo: 127.0.0.2
    trunk_contact: Word = ""  # the demo: 127.0.0.2, ten ports above the SIP port
    browser_lines: PositiveInt = 60
    desk_lines: PositiveInt = 20
    wait_seconds: PositiveInt = 120
    emergency_trunk: bool = False

    @property
    def ami_port(self) -> int:
        return self.sip_port - 22

    @property
    def agi_port(self) -> int:
        return self.sip_port + 13

    @property
    def rtp_first(self) -> int:
        return self.sip_port + 940

    @property
    def rtp_last(self) -> int:
        return self.sip_port + 1939


class Sms(BaseModel):
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr | None = None
    twilio_from: str = ""


AesKey = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]{43})?$")]


class Wechat(BaseModel):
    token: SecretStr | None = None
    aes_key: Secret[AesKey] | None = None  # empty: plain mode
    app_id: str = ""
    app_secret: SecretStr | None = None
    base_url: str = "https://api.weixin.qq.com"
    freshness_seconds: PositiveInt = 300
    templates: dict[str, str] = {}  # the account's template ids by purpose


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
