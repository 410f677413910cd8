"""The stand-ins that a service's settings lead to, put together in one small process with the page of the telephones."""

import asyncio
from collections.abc import Callable, Mapping
from importlib.resources import files
from socket import socket
from typing import Any

import uvicorn
import yaml
from pydantic import Secret, SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount

from hotline.demo import unit_system_secrets
from hotline.sandbox import page, wiring
from hotline.sandbox.aliyun import Aliyun
from hotline.sandbox.chat import ChatRobots
from hotline.sandbox.generic import Generic
from hotline.sandbox.mail import Mail
from hotline.sandbox.police import Police
from hotline.sandbox.stand_in import WebStandIn
from hotline.sandbox.telephones import Telephones
from hotline.sandbox.tencent import Tencent
from hotline.sandbox.twilio import Twilio
from hotline.sandbox.unit_system import UnitSystem
from hotline.sandbox.wechat import Wechat
from hotline.sandbox.wechat_callbacks import Account
from hotline.settings import Settings

FAREWELL_SECONDS = 1


def serve(settings: Settings, web: socket, smtp: socket, imap: socket) -> None:
    """Until a signal."""
    asyncio.run(_serve(settings, web, smtp, imap))


async def _serve(settings: Settings, web: socket, smtp: socket, imap: socket) -> None:
    telephones = stand_ins(settings)
    if telephones.mail is not None:
        await telephones.mail.start(smtp=smtp, imap=imap)
    config = uvicorn.Config(
        application(telephones),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )
    await uvicorn.Server(config).serve(sockets=[web])


def application(telephones: Telephones) -> Starlette:
    """Answers to loopback's names only: another site's page that is made to point here gets nothing."""
    providers = [Mount(f"/{name}", gateway.app) for name, gateway in telephones.gateways.items()]
    if telephones.wechat is not None:
        providers.append(Mount("/wechat", telephones.wechat.app))
    providers.append(Mount("/chat", ChatRobots().app))
    if telephones.police is not None:
        providers.append(Mount("/police", telephones.police.app))
    if telephones.unit_system is not None:
        providers.append(Mount("/unit", telephones.unit_system.app))
    names = Middleware(TrustedHostMiddleware, allowed_hosts=sorted(wiring.LOOPBACK), www_redirect=False)
    return Starlette(routes=[*providers, *page.routes(telephones)], middleware=[names])


def stand_ins(settings: Settings) -> Telephones:
    sms, callbacks = settings.sms, f"{settings.public_url}/api/channels"
    known = wiring.played(settings)
    gateways: Mapping[str, Callable[[], WebStandIn]] = {
        "twilio": lambda: Twilio(
            account_sid=sms.twilio_account_sid,
            auth_token=_word(sms.twilio_auth_token),
            address=sms.twilio_base_url.rstrip("/"),
            callback=f"{callbacks}/sms/twilio",
        ),
        "aliyun": lambda: Aliyun(
            access_key_id=sms.aliyun_access_key_id,
            access_key_secret=_word(sms.aliyun_access_key_secret),
            callback=f"{callbacks}/sms/aliyun/{_word(sms.aliyun_callback_secret)}",
        ),
        "tencent": lambda: Tencent(
            secret_id=sms.tencent_secret_id,
            secret_key=_word(sms.tencent_secret_key),
            callback=f"{callbacks}/sms/tencent/{_word(sms.tencent_callback_secret)}",
        ),
        "generic": lambda: Generic(secret=_word(sms.generic_secret), callback=f"{callbacks}/sms/generic"),
    }
    return Telephones(
        gateways={name: make() for name, make in gateways.items() if name in known},
        wechat=_wechat(settings) if "wechat" in known else None,
        mail=_mail(settings) if "mail" in known else None,
        police=_police(settings) if "police" in known else None,
        unit_system=_unit_system(settings),
    )


def _wechat(settings: Settings) -> Wechat:
    own = settings.wechat
    callback = f"{settings.public_url}/api/channels/wechat"
    played = Wechat(Account(callback, _word(own.token), own.app_id, _word(own.app_secret), _word(own.aes_key)))
    played.put_menu({"button": [_button(each, settings.public_url) for each in _reference()["menu"]]})
    return played


def _police(settings: Settings) -> Police:
    return Police(secret=_word(settings.police.secret), callback=f"{settings.public_url}/api/police")


def _unit_system(settings: Settings) -> UnitSystem:
    secrets = unit_system_secrets(settings.data_dir)
    return UnitSystem(api=f"{settings.public_url}/api/v1", key=secrets.key, secrets=[secrets.signing])


def _reference() -> dict[str, Any]:
    """As if `hotline wechat menu` had been said already."""
    content: dict[str, Any] = yaml.load(files("hotline").joinpath("reference/wechat.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    return content


def _button(button: dict[str, Any], public_url: str) -> dict[str, Any]:
    if "sub_button" in button:
        return {**button, "sub_button": [_button(each, public_url) for each in button["sub_button"]]}
    return {**button, "url": f"{public_url}{button['path']}"} if "path" in button else button


def _mail(settings: Settings) -> Mail:
    user, password = wiring.mail_account(settings)
    return Mail(user=user, password=password, address=settings.mail.address or user)


def _word(value: SecretStr | Secret[str] | None) -> str:
    return value.get_secret_value() if value is not None else ""
