"""Every setting of the service; the only reader of the environment. `.env.example` says why each one exists."""

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    IPvAnyNetwork,
    PositiveFloat,
    PositiveInt,
    Secret,
    SecretStr,
    StringConstraints,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PREFIX, DELIMITER, ENV_FILE = "HOTLINE_", "__", ".env"
Port = Annotated[int, Field(ge=1, le=65535)]


class Web(BaseModel):
    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: str = ""
    trusted_proxies: list[str] = []
    operator_token: SecretStr | None = None


def _of_schemes(*schemes: str) -> AfterValidator:
    def checked(value: str) -> str:
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return AfterValidator(checked)


def _readable_url(value: str) -> str:
    try:
        make_url(value or "sqlite://")
    except (ArgumentError, ValueError):
        raise ValueError("cannot be read: it is written as postgresql+psycopg://user:password@host:5432/name") from None
    return value


class Database(BaseModel):
    # Empty: SQLite in the data folder.
    url: Annotated[str, _of_schemes("postgresql+psycopg", "sqlite"), AfterValidator(_readable_url)] = ""
    pool_size: PositiveInt = 10


class Celery(BaseModel):
    # Empty: consequences run in the relay's own thread.
    broker_url: Annotated[str, _of_schemes("redis", "rediss", "amqp", "amqps")] = ""


class Redis(BaseModel):
    # Empty: pushes go over a Unix socket in the data folder.
    url: Annotated[str, _of_schemes("redis", "rediss")] = ""


# These are written into Asterisk's own files: nothing in them may end a line or begin another option.
Number = Annotated[str, StringConstraints(pattern=r"^\d{2,20}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[\w.:/@+=\[\]-]*$")]


class Asterisk(BaseModel):
    host: Word = "127.0.0.1"
    bind: Word = "127.0.0.1"
    sip_port: Port = 5060
    ws_port: Port = 8088
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
    log_days: PositiveInt = 30
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


class TencentTemplate(BaseModel):
    """Tencent's templates number their places: `params` says which value fills each."""

    id: str
    params: list[str] = []


class Sms(BaseModel):
    gateway: Literal["", "twilio", "aliyun", "tencent", "generic"] = ""  # empty: texts are printed on the console
    timeout_seconds: PositiveFloat = 10
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr | None = None
    twilio_from: str = ""
    twilio_base_url: str = "https://api.twilio.com"
    aliyun_access_key_id: str = ""
    aliyun_access_key_secret: SecretStr | None = None
    aliyun_sign_name: str = ""
    aliyun_templates: dict[str, str] = {}
    aliyun_base_url: str = "https://dysmsapi.aliyuncs.com"
    aliyun_callback_secret: SecretStr | None = None
    aliyun_callback_from: list[IPvAnyNetwork] = []
    tencent_secret_id: str = ""
    tencent_secret_key: SecretStr | None = None
    tencent_app_id: str = ""
    tencent_sign_name: str = ""
    tencent_region: str = "ap-guangzhou"
    tencent_templates: dict[str, TencentTemplate] = {}
    tencent_base_url: str = "https://sms.tencentcloudapi.com"
    tencent_callback_secret: SecretStr | None = None
    tencent_callback_from: list[IPvAnyNetwork] = []
    generic_url: str = ""
    generic_secret: SecretStr | None = None
    generic_out: dict[str, str] = {"to": "recipient", "text": "text", "id": "key"}
    generic_answer_id: str = "id"
    generic_in: dict[str, str] = {"id": "id", "sender": "from", "text": "text", "at": "time", "state": "state"}
    generic_states: dict[str, str] = {"accepted": "accepted", "delivered": "delivered", "failed": "refused"}


AesKey = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]{43})?$")]


class Wechat(BaseModel):
    token: SecretStr | None = None
    aes_key: Secret[AesKey] | None = None  # empty: plain mode
    app_id: str = ""
    app_secret: SecretStr | None = None
    base_url: str = "https://api.weixin.qq.com"
    freshness_seconds: PositiveInt = 300
    templates: dict[str, str] = {}  # the account's template ids by purpose


MAIL_SCHEMES = frozenset({"imaps", "imap+starttls", "imap", "smtps", "smtp+starttls", "smtp"})


class Mail(BaseModel):
    imap_url: SecretStr | None = None
    smtp_url: SecretStr | None = None
    address: str = ""  # empty: the user of smtp_url
    timeout_seconds: PositiveFloat = 20

    @field_validator("imap_url", "smtp_url")
    @classmethod
    def _sealed(cls, value: SecretStr | None) -> SecretStr | None:
        """A password and citizens' letters do not cross a network in the clear."""
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts is not None and parts.scheme not in MAIL_SCHEMES:
            raise ValueError(f"must begin with one of {', '.join(sorted(MAIL_SCHEMES))}")
        if parts is not None and parts.scheme in ("imap", "smtp") and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("is in the clear, which is for loopback only")
        return value


class Chat(BaseModel):
    """Robots in the groups of enterprise chats; their addresses are the administrators' to write."""

    hosts: list[str] = ["qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn"]
    timeout_seconds: PositiveFloat = 10


class Police(BaseModel):
    url: str = ""  # empty: no platform is connected, and only the voice goes to 110
    secret: SecretStr | None = None
    timeout_seconds: PositiveFloat = 10


def _long_enough(value: SecretStr) -> SecretStr:
    try:
        length = len(base64.b64decode(value.get_secret_value()))
    except binascii.Error:
        length = 0
    if length < 32:
        raise ValueError("must be at least 32 bytes in base64: openssl rand -base64 32")
    return value


MasterKey = Annotated[SecretStr, AfterValidator(_long_enough)]


class Privacy(BaseModel):
    key: MasterKey | None = None  # the demo makes its own
    old_keys: list[MasterKey] = []


SANDBOX_AFTER_WEB = 400


class Sandbox(BaseModel):
    enabled: bool = True
    port: int = 0  # 0: 400 above the port of the pages; SMTP and IMAP are the next two


class Systems(BaseModel):
    calls_per_minute: PositiveInt = 600  # of one key, in each process
    webhook_networks: list[IPvAnyNetwork] = []  # not of the whole internet, and yet called; there also without TLS
    webhook_seconds: PositiveFloat = 10


class Desk(BaseModel):
    heartbeat_seconds: int = 45
    session_hours: int = 12


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_file=ENV_FILE, extra="ignore")

    data_dir: Path = Path("var")
    demo: bool = False
    demo_password: SecretStr | None = None
    demo_days: int = Field(default=0, ge=0, le=366)
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
    chat: Chat = Field(default_factory=Chat)
    police: Police = Field(default_factory=Police)
    privacy: Privacy = Field(default_factory=Privacy)
    desk: Desk = Field(default_factory=Desk)
    systems: Systems = Field(default_factory=Systems)
    sandbox: Sandbox = Field(default_factory=Sandbox)

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir.resolve() / 'hotline.db'}"

    @property
    def public_url(self) -> str:
        return (self.web.public_url or f"http://{self.web.host}:{self.web.port}").rstrip("/")

    @property
    def sandbox_port(self) -> int:
        return self.sandbox.port or self.web.port + SANDBOX_AFTER_WEB


def names(group: type[BaseModel] = Settings, prefix: str = PREFIX) -> Iterator[str]:
    """The environment variable of every setting in the tree."""
    for name, field in group.model_fields.items():
        path = prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names(field.annotation, path + DELIMITER)
        else:
            yield path


def unknown_names() -> list[str]:
    """What is set under our prefix and is no setting: most often a name that is misspelt, and so without effect."""
    known = tuple(names())
    set_here = {name.upper() for name in (*os.environ, *dotenv_values(ENV_FILE)) if name.upper().startswith(PREFIX)}
    parts_of = tuple(name + DELIMITER for name in known)  # a table may be set place by place
    return sorted(name for name in set_here.difference(known) if not name.startswith(parts_of))


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment and more, for one that it starts."""
    return {**os.environ, **more}


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read once per process; hand groups on from there."""
    return Settings()
