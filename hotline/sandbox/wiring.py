"""How the demo's service is led to the stand-ins: settings for every group of which the operator has set nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from hotline.demo import derived
from hotline.settings import Settings

HOST = "127.0.0.1"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ADDRESS = "12345@sandbox.example"
NUMBER = "+8612345"
# Everything that is told by text message: providers in China send approved templates only.
PURPOSES = (
    "answered",
    "ask",
    "bind",
    "dispatched",
    "extended",
    "filed",
    "incident",
    "progress",
    "question",
    "received",
    "reopened",
    "repeat",
    "reply",
    "survey",
    "survey_thanks",
    "rate_talk",
    "rate_thanks",
    "unit_notice",
    "alert",
    "report",
    "appeal_heard",
    "withdraw_ask",
    "withdraw_late",
    "withdrawn",
    "looked_again",
    "refused",
)
# Where the settings say a provider is.
BASES = {
    "sms": ("twilio_base_url", "aliyun_base_url", "tencent_base_url", "generic_url"),
    "wechat": ("base_url",),
    "police": ("url",),
}
MAIL_BASES = ("imap_url", "smtp_url")

Group = dict[str, Any]


def why_not(settings: Settings) -> str:
    """The reason why stand-ins may not run beside this service; empty if they may."""
    if not settings.demo:
        return "it belongs to the demo (HOTLINE_DEMO=true)"
    if not _is_loopback(settings.public_url):
        return "HOTLINE_WEB__PUBLIC_URL is not on loopback"
    for group, names in {**BASES, "mail": MAIL_BASES}.items():
        for name in sorted(_set_by_operator(settings, group) & set(names)):
            address = _revealed(getattr(getattr(settings, group), name))
            if address and not _is_loopback(address):
                return f"{_setting(group, name)} is not on loopback"
    return ""


def environment(settings: Settings, secret: bytes) -> dict[str, str]:
    """What the service's parts are started with so that each group that is entirely unset leads to the stand-ins."""
    return {
        _setting(group, name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for group, values in _made_up(settings, secret).items()
        for name, value in values.items()
    }


def completed(settings: Settings, secret: bytes) -> Settings:
    """The settings of a service that was started with that environment."""
    made = {name: type(getattr(settings, name)).model_validate(values) for name, values in _made_up(settings, secret).items()}
    return settings.model_copy(update=made)


def _made_up(settings: Settings, secret: bytes) -> dict[str, Group]:
    makers: Mapping[str, Callable[[Settings, bytes], Group]] = {
        "sms": _sms,
        "wechat": _wechat,
        "mail": _mail,
        "chat": _chat,
        "police": _police,
        "systems": _systems,
    }
    return {group: make(settings, secret) for group, make in makers.items() if not _set_by_operator(settings, group)}


def played(settings: Settings) -> Sequence[str]:
    """The providers whose settings lead to loopback and are complete enough to be played."""
    sms, wechat, mail = settings.sms, settings.wechat, settings.mail
    needs: Mapping[str, tuple[str, *tuple[object, ...]]] = {
        "twilio": (sms.twilio_base_url, sms.twilio_account_sid, sms.twilio_auth_token),
        "aliyun": (sms.aliyun_base_url, sms.aliyun_access_key_secret, sms.aliyun_callback_secret),
        "tencent": (sms.tencent_base_url, sms.tencent_secret_key, sms.tencent_callback_secret),
        "generic": (sms.generic_url, sms.generic_secret),
        "wechat": (wechat.base_url, wechat.token, wechat.app_secret),
        "mail": (_revealed(mail.imap_url), mail.smtp_url),
        "police": (settings.police.url, settings.police.secret),
    }
    return [name for name, (base, *others) in needs.items() if base and all(others) and _is_loopback(base)]


def _sms(settings: Settings, secret: bytes) -> Group:
    at = f"http://{HOST}:{settings.sandbox_port}"
    return {
        "gateway": "twilio",
        "twilio_account_sid": f"AC{derived(secret, 'twilio account')}",
        "twilio_auth_token": derived(secret, "twilio token"),
        "twilio_from": NUMBER,
        "twilio_base_url": f"{at}/twilio",
        "aliyun_access_key_id": "sandbox",
        "aliyun_access_key_secret": derived(secret, "aliyun key"),
        "aliyun_sign_name": "12345热线",
        "aliyun_templates": dict.fromkeys(PURPOSES, "SMS_1"),
        "aliyun_base_url": f"{at}/aliyun",
        "aliyun_callback_secret": derived(secret, "aliyun callback"),
        "tencent_secret_id": "sandbox",
        "tencent_secret_key": derived(secret, "tencent key"),
        "tencent_app_id": "1400000000",
        "tencent_sign_name": "12345热线",
        "tencent_templates": {purpose: {"id": "1", "params": ["text"]} for purpose in PURPOSES},
        "tencent_base_url": f"{at}/tencent",
        "tencent_callback_secret": derived(secret, "tencent callback"),
        "generic_url": f"{at}/generic/send",
        "generic_secret": derived(secret, "generic"),
    }


def _wechat(settings: Settings, secret: bytes) -> Group:
    return {
        "token": derived(secret, "wechat token"),
        "aes_key": derived(secret, "wechat messages", 43),
        "app_id": "wx5a6d62c7f0e1b2a3",
        "app_secret": derived(secret, "wechat app"),
        "base_url": f"http://{HOST}:{settings.sandbox_port}/wechat",
    }


def _mail(settings: Settings, secret: bytes) -> Group:
    who = f"{ADDRESS.replace('@', '%40')}:{derived(secret, 'mail')}@{HOST}"
    port = settings.sandbox_port
    return {"smtp_url": f"smtp://{who}:{port + 1}", "imap_url": f"imap://{who}:{port + 2}/INBOX", "address": ADDRESS}


def _chat(settings: Settings, secret: bytes) -> Group:
    """Robots are written to where administrators say: the demo's may be on this machine, and nowhere else."""
    return {"hosts": [HOST]}


def _police(settings: Settings, secret: bytes) -> Group:
    return {"url": f"http://{HOST}:{settings.sandbox_port}/police/orders", "secret": derived(secret, "police")}


def _systems(settings: Settings, secret: bytes) -> Group:
    return {"webhook_networks": [f"{HOST}/32"]}


def _set_by_operator(settings: Settings, group: str) -> set[str]:
    found: BaseModel = getattr(settings, group)
    return found.model_fields_set


def _setting(group: str, name: str) -> str:
    return f"HOTLINE_{group}__{name}".upper()


def _revealed(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value or "")


def _is_loopback(address: str) -> bool:
    return urlsplit(address).hostname in LOOPBACK


def mail_account(settings: Settings) -> tuple[str, str]:
    parts = urlsplit(_revealed(settings.mail.smtp_url))
    return unquote(parts.username or ""), unquote(parts.password or "")
